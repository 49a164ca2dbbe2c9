// The lengths of a turn's deltas, stored in its row, so that a reader gets the same deltas again.
import type { TurnText } from "./reply-text.ts";

/** Of the entries with text their places in the turn, each with the lengths in code points: `0:5,3;2:7`. */
export class DeltaLog {
  #text: string;
  /** The entry that grew last, and how many of its deltas are in the text. */
  #last = { index: -1, count: 0 };

  /** @param text what was there before; all later deltas are of later entries */
  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  /** Adds the deltas that an entry got since; entries come in order. */
  take(index: number, text: Pick<TurnText, "lengthsFrom">): void {
    if (index < this.#last.index) return;
    const before = index === this.#last.index ? this.#last.count : 0;
    const lengths = text.lengthsFrom(before);
    if (lengths.length === 0) return;
    const joint = before > 0 ? "," : `${this.#text === "" ? "" : ";"}${index}:`;
    this.#text += joint + lengths.join(",");
    this.#last = { index, count: before + lengths.length };
  }

  /** The entry that grew last: those before it grow no more. */
  get lastIndex(): number {
    return this.#last.index;
  }
}

/** What is added where the rest was lost with its server. */
const LOST = "!";

/** The lengths of deltas by the places of their entries. */
export interface RecordedDeltas {
  of(index: number): readonly number[];
  /** Whether more was produced than was saved. */
  readonly lost: boolean;
}

export function readDeltas(text: string): RecordedDeltas {
  const lengths = new Map<number, number[]>();
  for (const entry of text.replaceAll(LOST, "").split(";")) {
    const [index, counts = ""] = entry.split(":");
    if (counts !== "") lengths.set(Number(index), counts.split(",").map(Number));
  }
  return { of: (index) => lengths.get(index) ?? [], lost: text.endsWith(LOST) };
}

/** What a row says when its turn is ended by another server than its own. */
export const LOST_DELTAS = { offset: 2 ** 31 - 1, text: LOST };
