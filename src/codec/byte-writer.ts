// A growing byte buffer, and the primitives of Protobuf's binary form.

const FIRST_BYTES = 64 * 1024;
/** A sink that grew past this is not kept for the next message. */
const KEPT_BYTES = 1024 * 1024;
const MAX_VARINT_BYTES = 10;
const LARGEST_NUMBER = BigInt(Number.MAX_SAFE_INTEGER);
/** Shorter texts are mostly ASCII, and written faster one by one. */
const SHORT_TEXT = 16;

/** Node's buffer, with the method that its `write` comes down to, which takes longer. */
interface Bytes extends Buffer<ArrayBuffer> {
  utf8Write(text: string, at: number): number;
}

export class ByteSink {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes;
  #at = 0;

  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes;
  }

  /** What was written, in memory of its own. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  /** A number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    // Most are tags, lengths and small numbers.
    if (value < 0x80) {
      bytes[this.#at++] = value;
      return;
    }
    let at = this.#at;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  bool(value: boolean): void {
    this.varint(value ? 1 : 0);
  }

  /** A negative number is as long as one of 64 bits. */
  int32(value: number): void {
    if (value < 0) this.int64(BigInt(value));
    else this.varint(value);
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
    // Of ASCII, which most is, the length in bytes takes as much room as the length in characters.
    const room = varintBytes(value.length);
    const start = this.begin(room);
    this.#reserve(3 * value.length);
    this.#at += this.#bytes.utf8Write(value, this.#at);
    this.end(start, room);
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

  /** Begins what has its length before it, for which so many bytes are left; give both to `end`. */
  begin(room: number): number {
    this.#reserve(room);
    const start = this.#at;
    this.#at += room;
    return start;
  }

  /** Gives how many bytes the length took: if not `room`, what was written since had to be moved. */
  end(start: number, room: number): number {
    const from = start + room;
    const length = this.#at - from;
    const needed = varintBytes(length);
    if (needed !== room) {
      this.#reserve(needed);
      this.#bytes.copyWithin(start + needed, from, this.#at);
    }
    this.#at = start;
    this.varint(length);
    this.#at += length;
    return needed;
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
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length)) as Bytes;
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** How many bytes a number takes as a varint. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
