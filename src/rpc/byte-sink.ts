// Bytes that grow as they are written; the pieces that Protobuf's binary form is made of.

const FIRST_BYTES = 64 * 1024;
/** A sink that grew past this is not kept for the next message. */
const KEPT_BYTES = 1024 * 1024;
const MAX_VARINT_BYTES = 10;
const LARGEST_NUMBER = BigInt(Number.MAX_SAFE_INTEGER);
/** Shorter texts are mostly ASCII, and written faster one by one. */
const SHORT_TEXT = 16;

export class ByteSink {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** What was written, in memory of its own. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  /** A number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  /** Any number of 64 bits; a negative one in two's complement. */
  int64(value: bigint): void {
    if (value >= 0n && value <= LARGEST_NUMBER) {
      this.varint(Number(value));
      return;
    }
    this.#reserve(MAX_VARINT_BYTES);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) + 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  /** A text in UTF-8 behind its length. */
  text(value: string): void {
    if (value.length < SHORT_TEXT && this.#ascii(value)) return;
    const start = this.begin();
    this.#reserve(3 * value.length);
    this.#at += this.#bytes.write(value, this.#at);
    this.end(start);
  }

  /** Bytes behind their length. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Begins what has its length before it; give the result to `end`. Most are short: one byte is left for the length. */
  begin(): number {
    this.#reserve(1);
    return this.#at++;
  }

  end(start: number): void {
    const from = start + 1;
    const length = this.#at - from;
    if (length < 0x80) {
      this.#bytes[start] = length;
      return;
    }
    let more = 1;
    for (let rest = length; rest >= 0x4000; rest = Math.floor(rest / 0x80)) more++;
    this.#reserve(more);
    this.#bytes.copyWithin(from + more, from, this.#at);
    this.#at = start;
    this.varint(length);
    this.#at += length;
  }

  #ascii(value: string): boolean {
    this.#reserve(1 + value.length);
    const bytes = this.#bytes;
    const from = this.#at + 1;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[from + i] = code;
    }
    bytes[this.#at] = value.length;
    this.#at = from + value.length;
    return true;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
