// Limits the bytes of rows that one statement brings into memory, and remembers which results were cut.

/** Maximum bytes of the rows of a page; the first row is always kept. */
export const PAGE_BYTES = 4 << 20;
/** The same of a page that is held for a reader who may be slow. */
export const FOLLOWED_BYTES = 512 << 10;
/** Pages below this are small in every encoding of a response. */
const LIGHT_BYTES = 256 << 10;

interface Weight {
  /** Whether further rows were dropped. */
  readonly cut: boolean;
  /** Of the rows that were kept, as PostgreSQL sent them. */
  readonly bytes: number;
}

/** Keyed by the last row, which survives filtering or copying a list. */
const weights = new WeakMap<object, Weight>();

/** Counts the rows of one statement as they arrive. */
export class RowBudget {
  readonly #max: number;
  readonly #isWeighed: boolean;
  #bytes = 0;
  #cut = false;

  /** @param isWeighed whether the size of small results is recorded too */
  constructor(max: number, isWeighed = false) {
    this.#max = max;
    this.#isWeighed = isWeighed;
  }

  /** Whether to keep a row of this size. After the first dropped row, all are dropped. */
  takes(bytes: number): boolean {
    if (this.#cut) return false;
    const first = this.#bytes === 0;
    this.#cut = !first && this.#bytes + bytes > this.#max;
    if (!this.#cut) this.#bytes += bytes;
    return !this.#cut;
  }

  /** Records the result when all rows have arrived. */
  note(rows: readonly object[]): void {
    const last = rows.at(-1);
    if (last === undefined || !(this.#isWeighed || this.#cut || this.#bytes > LIGHT_BYTES)) return;
    weights.set(last, { cut: this.#cut, bytes: this.#bytes });
  }
}

type Rows = readonly (object | undefined)[] | undefined;

/** Whether rows were dropped. */
export function areCut(rows: Rows): boolean {
  const last = rows?.at(-1);
  return last !== undefined && (weights.get(last)?.cut === true || (last as { followed?: unknown }).followed === true);
}

/** Whether rows are so large that the size of the response must be checked. */
export function areHeavy(rows: Rows): boolean {
  const last = rows?.at(-1);
  const weight = last && weights.get(last);
  return weight !== undefined && (weight.cut || weight.bytes > LIGHT_BYTES);
}

/** The bytes of the rows of a statement that is weighed. */
export function bytesOf(rows: Rows): number {
  const last = rows?.at(-1);
  return (last && weights.get(last)?.bytes) ?? 0;
}
