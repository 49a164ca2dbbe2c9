// Whether a text is valid JSON, without parsing it into values: parts that are stored as text are never parsed.

/** The most levels of objects and lists in a JSON text, the outermost included. */
export const MAX_JSON_LEVELS = 64;

/** A rule that a JSON text breaks: its id, and its words. */
export type JsonFault = readonly [rule: string, description: string];

const OBJECT = 1;
const LIST = 0;

/** The rule that a text breaks; undefined: it is JSON (RFC 8259). Looks at each character once. */
export function jsonFault(text: string, kind: "any" | "object" = "any"): JsonFault | undefined {
  const scan = new Scan(text);
  const begin = scan.skipSpace(0);
  if (kind === "object" && text[begin] !== "{") return ["json.object", "must be a JSON object"];
  return scan.run(begin);
}

const TOO_DEEP: JsonFault = ["json.max_depth", `must be at most ${MAX_JSON_LEVELS} levels deep`];

/** JSON's grammar with the open objects and lists on a stack of bits, so that no text recurses. */
class Scan {
  readonly #text: string;
  readonly #open: number[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  run(begin: number): JsonFault | undefined {
    const text = this.#text;
    let at = begin;
    for (;;) {
      // A value begins here.
      const code = text.charCodeAt(at);
      if (code === 0x7b || code === 0x5b) {
        const kind = code === 0x7b ? OBJECT : LIST;
        const closing = kind === OBJECT ? 0x7d : 0x5d;
        if (this.#open.length === MAX_JSON_LEVELS) return TOO_DEEP;
        at = this.skipSpace(at + 1);
        if (text.charCodeAt(at) !== closing) {
          this.#open.push(kind);
          if (kind === OBJECT) {
            at = this.#name(at);
            if (at < 0) return faultAt(~at);
          }
          continue;
        }
        at += 1;
      } else {
        const end = code === 0x22 ? this.#string(at) : this.#literal(at, code);
        if (end < 0) return faultAt(~end);
        at = end;
      }
      // It has ended: what is around it goes on, or ends too.
      for (;;) {
        at = this.skipSpace(at);
        const kind = this.#open.at(-1);
        if (kind === undefined) return at === text.length ? undefined : faultAt(at);
        const next = text.charCodeAt(at);
        if (next === 0x2c) {
          at = this.skipSpace(at + 1);
          if (kind === OBJECT) {
            at = this.#name(at);
            if (at < 0) return faultAt(~at);
          }
          break;
        }
        if (next !== (kind === OBJECT ? 0x7d : 0x5d)) return faultAt(at);
        this.#open.pop();
        at += 1;
      }
    }
  }

  skipSpace(from: number): number {
    let at = from;
    for (;;) {
      const code = this.#text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
      at += 1;
    }
  }

  /** A name and its colon. Gives where its value begins; negative: the complement of where it goes wrong. */
  #name(from: number): number {
    if (this.#text.charCodeAt(from) !== 0x22) return ~from;
    const end = this.#string(from);
    if (end < 0) return end;
    const colon = this.skipSpace(end);
    return this.#text.charCodeAt(colon) === 0x3a ? this.skipSpace(colon + 1) : ~colon;
  }

  #string(from: number): number {
    const text = this.#text;
    for (let at = from + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) return at + 1;
      if (code < 0x20) return ~at;
      if (code !== 0x5c) continue;
      at += 1;
      const escaped = text.charCodeAt(at);
      if (escaped === 0x75) {
        if (!isHex(text, at + 1)) return ~at;
        at += 4;
      } else if (ESCAPED[escaped] !== 1) return ~at;
    }
    return ~text.length;
  }

  #literal(from: number, code: number): number {
    const word = code === 0x74 ? "true" : code === 0x66 ? "false" : code === 0x6e ? "null" : undefined;
    if (word !== undefined) return this.#text.startsWith(word, from) ? from + word.length : ~from;
    NUMBER.lastIndex = from;
    return NUMBER.test(this.#text) ? NUMBER.lastIndex : ~from;
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** 1 for each code that stands after a backslash by itself. */
const ESCAPED = Uint8Array.from({ length: 128 }, (_, code) => Number('"\\/bfnrt'.includes(String.fromCharCode(code))));
/** 1 for each code of a hexadecimal digit. A text may be megabytes of escapes. */
const HEX = Uint8Array.from({ length: 128 }, (_, code) => Number(/[0-9a-f]/i.test(String.fromCharCode(code))));

function isHex(text: string, from: number): boolean {
  for (let at = from; at < from + 4; at++) {
    // Past the end it is NaN, and past ASCII there is none.
    if (HEX[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}

function faultAt(at: number): JsonFault {
  return ["json", `must be JSON, which it is not at character ${at + 1}`];
}
