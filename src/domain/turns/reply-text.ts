// The text of a reply as it grows, counted in Unicode code points so that every language agrees on an offset.

export interface TextPart {
  readonly text: string;
  /** Where the part begins. */
  readonly offset: number;
  /** Where the next part begins. */
  readonly nextOffset: number;
}

/** How many Unicode code points a text has. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    // A high surrogate and what follows it are one.
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00) {
      count--;
      index++;
    }
  }
  return count;
}

/** The text from a code point on. */
export function fromCodePoint(text: string, offset: number): string {
  let index = 0;
  for (let left = offset; left > 0 && index < text.length; left--) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(index);
}

/** Collects what an agent says into well-formed text that the store can keep. */
export class TurnText {
  /** Parts in order: the end of each is the beginning of the next. */
  readonly #parts: TextPart[] = [];
  readonly #maxBytes: number;
  #bytes = 0;
  #held = "";

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** In code points. */
  get length(): number {
    return this.#parts.at(-1)?.nextOffset ?? 0;
  }

  /** In UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A text that came in parts of so many code points; what they do not cover is one more part. */
  static of(text: string, lengths: readonly number[]): TurnText {
    const whole = new TurnText(Number.POSITIVE_INFINITY);
    let index = 0;
    for (const length of [...lengths, Number.POSITIVE_INFINITY]) {
      const begin = index;
      for (let left = length; left > 0 && index < text.length; left--) {
        index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
      }
      if (index > begin) whole.#add(text.slice(begin, index));
    }
    return whole;
  }

  /** The lengths of its parts in code points, without the first ones. */
  lengthsFrom(count: number): number[] {
    return this.#parts.slice(count).map(({ offset, nextOffset }) => nextOffset - offset);
  }

  get whole(): string {
    return this.#parts.map(({ text }) => text).join("");
  }

  /**
   * Adds what the agent said next. Half a character waits for its other half; what cannot be kept (NUL, a lone half) is
   * replaced. False: the text is as long as it may be, and the rest is dropped.
   */
  append(piece: string): boolean {
    let text = this.#held + piece;
    this.#held = "";
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last < 0xdc00) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    text = text.toWellFormed().replaceAll("\0", "\ufffd");
    const fits = cutToBytes(text, this.#maxBytes - this.#bytes);
    if (fits !== "") this.#add(fits);
    return fits.length === text.length;
  }

  #add(text: string): void {
    const offset = this.length;
    this.#bytes += Buffer.byteLength(text);
    this.#parts.push({ text, offset, nextOffset: offset + codePoints(text) });
  }

  /** All that is there after an offset, as one part; undefined if there is nothing. */
  after(offset: number): TextPart | undefined {
    if (offset >= this.length) return undefined;
    const low = this.#indexAt(offset);
    const first = this.#parts[low] as TextPart;
    let text = fromCodePoint(first.text, offset - first.offset);
    for (let index = low + 1; index < this.#parts.length; index++) text += (this.#parts[index] as TextPart).text;
    return { text, offset, nextOffset: this.length };
  }

  /** What is there after the end of a part, as far as it came with the next one; undefined if there is nothing. */
  partAt(offset: number): TextPart | undefined {
    return offset >= this.length ? undefined : this.#parts[this.#indexAt(offset)];
  }

  /** The part with the code point of an offset. */
  #indexAt(offset: number): number {
    let low = 0;
    let high = this.#parts.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#parts[middle] as TextPart).nextOffset > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** As many whole characters as fit into so many bytes of UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text;
  // A character that was cut decodes to replacement characters at the end; a genuine one there is lost, which is fine.
  return new TextDecoder().decode(Buffer.from(text).subarray(0, Math.max(bytes, 0))).replace(/\ufffd+$/, "");
}
