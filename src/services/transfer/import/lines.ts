// Splits the bytes of an import into lines.

export const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Turns away what is no text, instead of putting other characters in its place. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A line and its number, from 1 on. One without a text was dropped; `fault` says why. */
export interface RawLine {
  readonly number: number;
  readonly text?: string;
  readonly fault?: string;
}

/** Cuts bytes into lines. Holds one line at most. */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #held = 0;
  #tooLong = false;
  #number = 1;

  /** How many lines there were so far. */
  get count(): number {
    return this.#held > 0 || this.#tooLong ? this.#number : this.#number - 1;
  }

  /** How many bytes there are of a line that has not ended. */
  get held(): number {
    return this.#tooLong ? 0 : this.#held;
  }

  /** The lines that end in these bytes, without empty ones: of these a small packed body may hold millions. */
  *push(bytes: Uint8Array): Generator<RawLine> {
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to !== -1; to = bytes.indexOf(NEWLINE, from)) {
      if (to === from && this.#held === 0 && !this.#tooLong) {
        // One by one: to search for each of millions would hold the process for a while.
        while (bytes[from] === NEWLINE) from++;
        this.#number += from - to;
        continue;
      }
      this.#hold(bytes.subarray(from, to));
      yield this.#take();
      from = to + 1;
    }
    this.#hold(bytes.subarray(from));
  }

  /** The last line, if it had no line break. */
  *end(): Generator<RawLine> {
    if (this.#held > 0 || this.#tooLong) yield this.#take();
  }

  #hold(part: Uint8Array): void {
    this.#held += part.length;
    if (this.#held > MAX_LINE_BYTES) {
      this.#tooLong = true;
      this.#parts = [];
    } else if (part.length > 0) {
      this.#parts.push(part);
    }
  }

  #take(): RawLine {
    const bytes = this.#tooLong ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    this.#tooLong = false;
    const number = this.#number++;
    if (bytes === undefined) return { number, fault: `is longer than ${MAX_LINE_BYTES} bytes` };
    try {
      return { number, text: utf8.decode(bytes) };
    } catch {
      return { number, fault: "is not UTF-8" };
    }
  }
}
