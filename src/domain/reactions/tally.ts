// Reads what is counted of a message: replies, and reactions by kind.
import type { ReactionCount } from "../../../gen/colloquy/v1/reaction_pb.ts";
import { parseJson } from "../json.ts";
import { SHOWN_KINDS } from "./reaction.ts";

/** Kinds with their counts, in the order in which they first came. */
export type Counts = readonly (readonly [name: string, count: number])[];

export interface MessageTally {
  readonly replyCount: number;
  /** In milliseconds; undefined: nobody replied. */
  readonly lastReplyTime: number | undefined;
  /** Other messages may have the same list. */
  readonly reactions: readonly ReactionCount[];
}

/** Reads the form that `store/reactions/tally.ts` describes. */
export function readTally(text: string): MessageTally {
  const first = text.indexOf(",");
  const second = text.indexOf(",", first + 1);
  return {
    replyCount: numberAt(text, 0, first),
    lastReplyTime: second === first + 1 ? undefined : numberAt(text, first + 1, second),
    reactions: text.endsWith("[]") ? NONE : countsOf(text.slice(second + 1)),
  };
}

const NONE: readonly ReactionCount[] = [];
const ZERO = "0".charCodeAt(0);

function numberAt(text: string, start: number, end: number): number {
  let number = 0;
  for (let i = start; i < end; i++) number = number * 10 + text.charCodeAt(i) - ZERO;
  return number;
}

/** Most messages with reactions have one or two kinds and a small count, and lists are read again and again. */
const known = new Map<string, readonly ReactionCount[]>();
const MAX_KNOWN = 2_000;
const MAX_KNOWN_CHARACTERS = 200;

/** @param text the caller's own, a comma, and all kinds in JSON */
function countsOf(text: string): readonly ReactionCount[] {
  const found = known.get(text);
  if (found !== undefined) return found;
  const comma = text.indexOf(",");
  const counts = toReactionCounts(
    parseJson(text.slice(comma + 1)) as unknown as Counts,
    text.slice(0, comma).split(" "),
  );
  if (text.length <= MAX_KNOWN_CHARACTERS) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(text, counts);
  }
  return counts;
}

/** @param mine the caller's own */
export function toReactionCounts(counts: Counts, mine: readonly string[] | null): ReactionCount[] {
  const shown = counts.length > SHOWN_KINDS ? counts.slice(0, SHOWN_KINDS) : counts;
  return shown.map(([reaction, count]) => ({
    $typeName: "colloquy.v1.ReactionCount",
    reaction,
    count,
    mine: mine?.includes(reaction) ?? false,
  }));
}
