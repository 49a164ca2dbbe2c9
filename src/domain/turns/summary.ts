// Summaries: entries that replace older ones in an agent's context.
import { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { readParts } from "../parts/stored.ts";

/** What is read of an entry of a log. */
export interface SummaryEntry {
  readonly seq: bigint;
  readonly kind: MessageKind | null;
  readonly role: MessageRole;
  readonly content: string;
  readonly parts: string | null;
}

/** The name of the data part that says which entries a summary stands for: `{"throughSeq": 12}`. */
const PART_NAME = "summary";

/**
 * The last entry that a summary stands for. Undefined: it is none, has no text, or does not say so of earlier entries.
 */
export function throughSeqOf({ seq, kind, content, parts }: SummaryEntry): bigint | undefined {
  if (kind !== MessageKind.SUMMARY || content === "") return undefined;
  for (const { content: part } of readParts(parts)) {
    if (part.case !== "data" || part.value.name !== PART_NAME) continue;
    const through = throughIn(part.value.json ?? "");
    if (through !== undefined && through < seq) return through;
  }
  return undefined;
}

/**
 * What is wrong with an entry that is to stand for those of a log up to `last`: the index of the part, and the rule
 * that it breaks. Undefined: nothing, or it says nothing of what it stands for.
 */
export function summaryFault(
  kind: MessageKind,
  parts: string | undefined,
  last: bigint,
): { readonly part: number; readonly rule: string } | undefined {
  if (kind !== MessageKind.SUMMARY || parts === undefined) return undefined;
  for (const [part, { content }] of readParts(parts).entries()) {
    if (content.case !== "data" || content.value.name !== PART_NAME) continue;
    const through = throughIn(content.value.json ?? "");
    if (through === undefined) return { part, rule: "must have a throughSeq, the number of an entry of the log" };
    if (through > last) return { part, rule: `must have a throughSeq of at most ${last}, the last entry before it` };
  }
  return undefined;
}

function throughIn(json: string): bigint | undefined {
  try {
    const { throughSeq } = JSON.parse(json) as { throughSeq?: unknown };
    const isNumber = Number.isSafeInteger(throughSeq) && (throughSeq as number) > 0;
    const isText = typeof throughSeq === "string" && /^[1-9][0-9]{0,17}$/.test(throughSeq);
    return isNumber || isText ? BigInt(throughSeq as number | string) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The entries with a summary, if there is one, before all that it does not stand for. Instructions stay before it, for
 * no summary says them as they were given.
 */
export function withSummary<E extends SummaryEntry>(entries: readonly E[], summary: E | undefined): E[] {
  const through = summary && throughSeqOf(summary);
  if (summary === undefined || through === undefined) return entries.filter((one) => throughSeqOf(one) === undefined);
  return [
    ...entries.filter((one) => one.seq <= through && isInstruction(one)),
    summary,
    ...entries.filter((one) => one.seq > through && throughSeqOf(one) === undefined),
  ];
}

function isInstruction({ kind, role }: SummaryEntry): boolean {
  return kind === null && (role === MessageRole.SYSTEM || role === MessageRole.DEVELOPER);
}
