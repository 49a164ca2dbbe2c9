// A growing byte buffer, and the primitives of Protobuf's binary form.
import { endianness } from "node:os";

const FIRST_BYTES = 64 * 1024;
/** A sink that grew past this is not kept for the next message. */
const KEPT_BYTES = 1024 * 1024;
/** Shorter texts are mostly ASCII, and written faster one by one: ids, names, etags. */
const SHORT_TEXT = 40;
/** More than a text of one length byte takes behind its tag, or a tag and a number. */
const SPARE_BYTES = 256;
const SPACE = " ".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
/** The upper half of 2^53, past which numbers are not exact. */
const SAFE_HIGH = 2 ** 21;
/** A number of 64 bits, and its halves: the lower one comes first on all machines but big-endian ones. */
const whole = new BigInt64Array(1);
const halves = new Uint32Array(whole.buffer);
const LOW = endianness() === "LE" ? 0 : 1;
const HIGH = 1 - LOW;

/** Node's buffer, with the method that its `write` comes down to, which takes longer. */
interface Bytes extends Buffer<ArrayBuffer> {
  utf8Write(text: string, at: number): number;
}

export class ByteSink {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes;
  #at = 0;
  /** After each call there is this much room: a tag and a number are written without a look at how much there is. */
  #full = FIRST_BYTES - SPARE_BYTES;

  clear(): void {
    this.#at = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#take(Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#at;
  }

  /** Takes back what was written past so many bytes. */
  truncate(length: number): void {
    this.#at = length;
  }

  /** What was written, in memory of its own. */
  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  /** A number from 0 to 2^53 - 1. */
  varint(value: number): void {
    // Most are tags, lengths and small numbers.
    if (value < 0x80) this.#bytes[this.#at++] = value;
    else this.#longVarint(value);
    if (this.#at > this.#full) this.#grow(0);
  }

  bool(tag: number, value: boolean): void {
    this.#tag(tag);
    this.varint(value ? 1 : 0);
  }

  /** A negative number is as long as one of 64 bits. */
  int32(tag: number, value: number): void {
    if (value < 0) {
      this.int64(tag, BigInt(value));
    } else {
      this.#tag(tag);
      this.varint(value);
    }
  }

  uint32(tag: number, value: number): void {
    this.#tag(tag);
    this.varint(value);
  }

  /** Any number of 64 bits; a negative one in two's complement. */
  int64(tag: number, value: bigint): void {
    this.#tag(tag);
    // Read by halves, which makes no numbers in between.
    whole[0] = value;
    const low = halves[LOW] as number;
    const high = halves[HIGH] as number;
    if (high < SAFE_HIGH) {
      this.varint(high * 0x1_0000_0000 + low);
      return;
    }
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) + 0x80;
      rest >>= 7n;
    }
    this.varint(Number(rest));
  }

  double(tag: number, value: number): void {
    this.#tag(tag);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
    if (this.#at > this.#full) this.#grow(0);
  }

  float(tag: number, value: number): void {
    this.#tag(tag);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
    if (this.#at > this.#full) this.#grow(0);
  }

  /** A text in UTF-8 behind its length. */
  text(tag: number, value: string): void {
    this.#tag(tag);
    if (value.length < SHORT_TEXT && this.#ascii(value)) return;
    // Of ASCII, which most is, the length in bytes takes as much room as the length in characters.
    const room = varintBytes(value.length);
    if (this.#at + 3 * value.length > this.#full) this.#grow(3 * value.length);
    const start = this.#at;
    this.#at += room;
    this.#at += this.#bytes.utf8Write(value, this.#at);
    this.end(start, room);
  }

  /**
   * A text that stands in JSON, `at` behind its opening quote. Gives where it goes on behind the closing one; undefined
   * if it is not short plain ASCII, and nothing was written.
   */
  quoted(tag: number, json: string, at: number): number | undefined {
    const start = this.#at;
    this.#tag(tag);
    const bytes = this.#bytes;
    const from = this.#at + 1;
    for (let length = 0; length < 0x80; length++) {
      const code = json.charCodeAt(at + length);
      if (code === QUOTE) {
        bytes[this.#at] = length;
        this.#at = from + length;
        if (this.#at > this.#full) this.#grow(0);
        return at + length + 1;
      }
      // Past the end it is not a number.
      if (!(code >= SPACE && code < 0x80) || code === BACKSLASH) break;
      bytes[from + length] = code;
    }
    this.#at = start;
    return undefined;
  }

  /** Bytes behind their length. */
  bytes(tag: number, value: Uint8Array): void {
    this.#tag(tag);
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    if (this.#at + value.length > this.#full) this.#grow(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Begins what has its length before it, for which so many bytes are left; give both to `end`. */
  begin(tag: number, room: number): number {
    this.#tag(tag);
    const start = this.#at;
    this.#at = start + room;
    return start;
  }

  /** Gives how many bytes the length took: if not `room`, what was written since had to be moved. */
  end(start: number, room: number): number {
    const from = start + room;
    const length = this.#at - from;
    if (room === 1 && length < 0x80) {
      this.#bytes[start] = length;
      if (this.#at > this.#full) this.#grow(0);
      return 1;
    }
    const needed = varintBytes(length);
    if (needed !== room) this.#bytes.copyWithin(start + needed, from, this.#at);
    this.#at = start;
    this.#longVarint(length);
    this.#at = start + needed + length;
    if (this.#at > this.#full) this.#grow(0);
    return needed;
  }

  /** Into the room that is spare. */
  #tag(tag: number): void {
    if (tag < 0x80) this.#bytes[this.#at++] = tag;
    else this.#longVarint(tag);
  }

  #longVarint(value: number): void {
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

  #ascii(value: string): boolean {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[from + i] = code;
    }
    bytes[this.#at] = value.length;
    this.#at = from + value.length;
    if (this.#at > this.#full) this.#grow(0);
    return true;
  }

  /** Makes room for so many bytes beside the spare ones. */
  #grow(bytes: number): void {
    const needed = this.#at + bytes + SPARE_BYTES;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length)) as Bytes;
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#take(larger);
  }

  #take(bytes: Bytes): void {
    this.#bytes = bytes;
    this.#full = bytes.length - SPARE_BYTES;
  }
}

/** How many bytes a number takes as a varint. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
