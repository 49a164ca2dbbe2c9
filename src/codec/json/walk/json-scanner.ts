// Scans a JSON text token by token, without creating values.
import { endOfString } from "../../../domain/json.ts";
import { MAX_STRUCT_BYTES } from "../../../pipeline/validation/text-rules.ts";
import { NAME_TWICE, ShapeFault } from "../../shape-fault.ts";
import { visible } from "../json-position.ts";

/** Numbers of more characters are none that anything could hold. */
export const MAX_LITERAL = 1_000;
/** Names of more characters fit nowhere, free JSON included. */
const MAX_NAME = 6 * MAX_STRUCT_BYTES;
const MAX_DEPTH = 256;

/** The characters that a JSON text is made of. */
export const CODES = {
  openObject: 0x7b,
  closeObject: 0x7d,
  openList: 0x5b,
  closeList: 0x5d,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
} as const;

/** White space of more characters is searched through. */
const LONG_SPACE = 32;
const NO_SPACE = /[^ \n\r\t]/g;

/** Thrown if a text is not JSON; the parser then finds what is wrong with it. */
export class NotJson extends Error {}

export class JsonScanner {
  /** Where it is: an index of the text. */
  at = 0;
  /** How many objects and lists it is in. */
  depth = 0;
  /** How many characters of white space it has passed. */
  spaces = 0;
  readonly #text: string;
  readonly #broken: (rule: string, words: string) => Error;

  /** @param broken makes the error of a rule that is broken where the scan is */
  constructor(text: string, broken: (rule: string, words: string) => Error) {
    this.#text = text;
    this.#broken = broken;
  }

  /** The code of the character after white space, which it does not pass; NaN at the end. */
  next(): number {
    const code = this.#text.charCodeAt(this.at);
    return isSpace(code) ? this.#pastSpace() : code;
  }

  #pastSpace(): number {
    const start = this.at;
    let code: number;
    do {
      if (this.at - start > LONG_SPACE) this.at = this.#endOfSpace();
      else this.at++;
      code = this.#text.charCodeAt(this.at);
    } while (isSpace(code));
    this.spaces += this.at - start;
    return code;
  }

  /** A body may be megabytes of white space, which an expression passes fastest. */
  #endOfSpace(): number {
    NO_SPACE.lastIndex = this.at;
    return NO_SPACE.test(this.#text) ? NO_SPACE.lastIndex - 1 : this.#text.length;
  }

  /** Passes the mark that opens an object or list. */
  open(): void {
    if (++this.depth > MAX_DEPTH) throw new ShapeFault(`the body must be nested at most ${MAX_DEPTH} levels deep`);
    this.at++;
  }

  /** Whether the object or list has another member; passes the comma before it, or the mark that closes all. */
  more(close: number, isFirst: boolean): boolean {
    const mark = this.next();
    if (mark === close) {
      this.at++;
      this.depth--;
      return false;
    }
    if (isFirst) return true;
    if (mark !== CODES.comma) throw new NotJson();
    this.at++;
    return true;
  }

  /** Passes the name of a member and its colon, and returns the name. Throws where the object holds it already. */
  name(known: Names): string {
    if (this.next() !== CODES.quote) throw new NotJson();
    const start = this.at;
    const end = endOfString(this.#text, start);
    if (end - start > MAX_NAME) throw new ShapeFault(`a name must have at most ${MAX_NAME} characters`);
    const raw = this.#text.slice(start + 1, end);
    this.at = end + 1;
    if (this.next() !== CODES.colon) throw new NotJson();
    this.at++;
    const name = raw.includes("\\") ? unescaped(raw) : raw;
    if (!known.add(name)) throw this.#broken(NAME_TWICE, `must not hold the name ${shown(name)} twice`);
    return name;
  }

  /** Passes a string. Returns how many characters it is written in, without its quotes. */
  string(): number {
    const start = this.at;
    const end = endOfString(this.#text, start);
    if (end === this.#text.length) throw new NotJson();
    this.at = end + 1;
    return end - start - 1;
  }

  /** Passes a number, or what may be `true`, `false` and `null`, and returns it. */
  literal(): string {
    const start = this.at;
    for (; this.at < this.#text.length; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      // White space, comma, colon, brackets, braces, quotes.
      if (code <= 0x20 || code === 0x2c || code === 0x3a || code === 0x5d || code === 0x7d || code === 0x22) break;
      if (this.at - start > MAX_LITERAL) {
        if (!/^-?\d[\d.eE+-]*$/.test(this.#text.slice(start, this.at))) throw new NotJson();
        throw new ShapeFault(`a number must have at most ${MAX_LITERAL} characters`);
      }
    }
    if (this.at === start) throw new NotJson();
    return this.#text.slice(start, this.at);
  }
}

/** The names of one object: most have few, for which a set takes longer. */
export class Names {
  #few: string[] | undefined = [];
  #many: Set<string> | undefined;

  /** False: it was there. */
  add(name: string): boolean {
    const few = this.#few;
    if (few !== undefined) {
      if (few.includes(name)) return false;
      few.push(name);
      if (few.length > 16) {
        this.#many = new Set(few);
        this.#few = undefined;
      }
      return true;
    }
    if (this.#many?.has(name)) return false;
    this.#many?.add(name);
    return true;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function shown(name: string): string {
  return JSON.stringify(visible(name));
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
