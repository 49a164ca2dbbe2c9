// How many bytes of rows one statement may bring into memory, and what is known of rows that were many.

/** So many bytes of the rows of a page are kept, and its first row, however long. */
export const PAGE_BYTES = 4 << 20;
/** Pages of fewer bytes are small in every form that an answer may have. */
const LIGHT_BYTES = 256 << 10;

interface Weight {
  /** More rows came, and were let go of. */
  readonly cut: boolean;
}

/** By the last of the rows: who filters or copies a list keeps that one. */
const weights = new WeakMap<object, Weight>();

/** Counts the rows of one statement as they come. */
export class RowBudget {
  readonly #most: number;
  #bytes = 0;
  #cut = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a row of so many bytes is kept. Once one is not, none is. */
  takes(bytes: number): boolean {
    if (this.#cut) return false;
    const first = this.#bytes === 0;
    this.#bytes += bytes;
    this.#cut = !first && this.#bytes > this.#most;
    return !this.#cut;
  }

  /** To be told once all have come. */
  note(rows: readonly object[]): void {
    const last = rows.at(-1);
    if (last !== undefined && (this.#cut || this.#bytes > LIGHT_BYTES)) weights.set(last, { cut: this.#cut });
  }
}

type Rows = readonly (object | undefined)[] | undefined;

/** Whether more rows came than were kept. */
export function areCut(rows: Rows): boolean {
  const last = rows?.at(-1);
  return last !== undefined && (weights.get(last)?.cut === true || (last as { followed?: unknown }).followed === true);
}

/** Whether rows are so long that what is made of them is to be weighed. */
export function areHeavy(rows: Rows): boolean {
  const last = rows?.at(-1);
  return last !== undefined && weights.has(last);
}
