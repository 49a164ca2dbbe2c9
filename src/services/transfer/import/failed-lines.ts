// When an import gives up: a packed body of a few hundred bytes may hold millions of lines that only cost time.

/** So many lines, or so many bytes of them, may fail beside as many as can be read. */
const MAX_LINES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What a line of nothing but spaces counts: reading it costs as much as so many bytes. */
const BLANK_BYTES = 100;

/** Why an import with too many lines that fail has stopped. */
export const TOO_MANY_FAILED =
  "the import stops here: 10,000 lines, or 64 MiB of them, failed besides as many as could be read";

/** Weighs the lines that cannot be read against those that can. */
export class FailedLines {
  #lines = 0;
  #bytes = 0;

  get areTooMany(): boolean {
    return this.#lines >= MAX_LINES || this.#bytes >= MAX_BYTES;
  }

  add(isBad: boolean, bytes: number): void {
    this.#lines += isBad ? 1 : -1;
    this.#bytes += isBad ? bytes : -bytes;
  }

  addBlank(bytes: number): void {
    this.#bytes += Math.max(bytes, BLANK_BYTES);
  }
}
