// When an import gives up: a packed body of a few hundred bytes may hold millions of lines that only cost time.

/** So many lines, or so many bytes of them, may fail beside as many as do not. */
const MAX_LINES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What a line of nothing but spaces counts: reading it costs as much as so many bytes. */
const BLANK_BYTES = 100;

/** Why an import with too many lines that fail has stopped. */
export const TOO_MANY_FAILED =
  "the import stops here: 10,000 lines, or 64 MiB of them, failed besides as many as did not";

/** Weighs the lines that fail against those that do not. */
export class FailedLines {
  #lines = 0;
  #bytes = 0;
  /** The lengths of lines that could be read, by their numbers, until it is known whether they could be added. */
  readonly #read = new Map<number, number>();

  get areTooMany(): boolean {
    return this.#lines >= MAX_LINES || this.#bytes >= MAX_BYTES;
  }

  addBlank(bytes: number): void {
    this.#bytes += Math.max(bytes, BLANK_BYTES);
  }

  addUnreadable(bytes: number): void {
    this.#lines++;
    this.#bytes += bytes;
  }

  /** Counts as one that does not fail until {@link settle} says more. */
  addRead(number: number, bytes: number): void {
    this.#lines--;
    this.#bytes -= bytes;
    this.#read.set(number, bytes);
  }

  /** Of lines of one batch, those that could be read and not be added fail too. */
  settle(batch: readonly { readonly number: number }[], failed: readonly { readonly line: number }[]): void {
    for (const { line } of failed) {
      const bytes = this.#read.get(line);
      if (bytes === undefined) continue;
      this.#lines += 2;
      this.#bytes += 2 * bytes;
    }
    for (const { number } of batch) this.#read.delete(number);
  }
}
