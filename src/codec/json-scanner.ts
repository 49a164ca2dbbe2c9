// Scans a JSON text token by token, without creating values.
import { endOfString } from "../domain/json.ts";
import { MAX_STRUCT_BYTES } from "../pipeline/validation/text-rules.ts";
import { NAME_TWICE, ShapeFault } from "./shape-fault.ts";

/** Numbers of more characters are none that anything could hold. */
const MAX_LITERAL = 1_000;
/** Names of more characters fit nowhere, free JSON included. */
const MAX_NAME = 6 * MAX_STRUCT_BYTES;
const MAX_DEPTH = 256;

/** Thrown where a text is no JSON: the parser says what is wrong with it. */
export class NotJson extends Error {}

export class JsonScanner {
  /** Where it is: an index of the text. */
  at = 0;
  /** How many objects and lists it is in. */
  depth = 0;
  readonly #text: string;
  readonly #broken: (rule: string, words: string) => Error;

  /** @param broken makes the error of a rule that is broken where the scan is */
  constructor(text: string, broken: (rule: string, words: string) => Error) {
    this.#text = text;
    this.#broken = broken;
  }

  /** The character after white space, which it does not pass; undefined at the end. */
  next(): string | undefined {
    for (; this.at < this.#text.length; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return this.#text[this.at];
    }
    return undefined;
  }

  /** Passes the mark that opens an object or list, and reads what is in it. */
  nested(read: () => void): void {
    if (++this.depth > MAX_DEPTH) throw new ShapeFault(`the body must be nested at most ${MAX_DEPTH} levels deep`);
    this.at++;
    read();
    this.depth--;
  }

  /** The members of an object. Each name comes with where its member starts; `read` passes the value. */
  members(read: (name: string, start: number) => void): void {
    if (this.next() === "}") {
      this.at++;
      return;
    }
    const names = new Names();
    for (;;) {
      if (this.next() !== '"') throw new NotJson();
      const start = this.at;
      const end = endOfString(this.#text, start);
      if (end - start > MAX_NAME) throw new ShapeFault(`a name must have at most ${MAX_NAME} characters`);
      const raw = this.#text.slice(start + 1, end);
      this.at = end + 1;
      if (this.next() !== ":") throw new NotJson();
      this.at++;
      const name = raw.includes("\\") ? unescaped(raw) : raw;
      if (!names.add(name)) throw this.#broken(NAME_TWICE, "must not hold a name twice");
      read(name, start);
      if (this.#more("}")) return;
    }
  }

  /** The elements of a list; `read` passes each. */
  elements(read: () => void): void {
    if (this.next() === "]") {
      this.at++;
      return;
    }
    for (;;) {
      read();
      if (this.#more("]")) return;
    }
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

  /** Whether there are more characters than `most` from an index to here, white space not counted. */
  isLonger(from: number, most: number): boolean {
    if (this.at - from <= most) return false;
    let count = 0;
    for (let i = from; i < this.at; i++) if (this.#text.charCodeAt(i) > 0x20) count++;
    return count > most;
  }

  /** Passes a comma, or what closes the object or list: then true. */
  #more(close: string): boolean {
    const mark = this.next();
    this.at++;
    if (mark === close) return true;
    if (mark !== ",") throw new NotJson();
    return false;
  }
}

/** The names of one object: most have few, for which a set takes longer. */
class Names {
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

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
