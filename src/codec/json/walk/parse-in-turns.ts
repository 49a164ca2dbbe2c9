// JSON.parse for long texts that nothing else bounds: names that differ, or come in another order in each object, take
// it a hundred times as long as names that repeat, so a large object or list is parsed member by member.
import { setImmediate } from "node:timers/promises";
import { endOfString, type Json, parseJson } from "../../../domain/json.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { CODES } from "./json-scanner.ts";

/** An object or list with more commas, at any level, is not parsed at once. */
const LARGE = 2_000;

/** White space may be megabytes, which an expression passes fastest. */
const NO_SPACE = /[^ \n\r\t]/g;

const { openObject, closeObject, openList, closeList, quote, comma, colon } = CODES;
const isOpen = (code: number) => code === openObject || code === openList;
const isClose = (code: number) => code === closeObject || code === closeList;

/** What `parseJson` gives for the text. Throws a SyntaxError as it does, though not always about the same position. */
export async function parseInTurns(text: string): Promise<Json> {
  const large = largeIn(text);
  if (large.size === 0) return parseJson(text);
  await setImmediate();
  return new Pieces(text, large).whole();
}

/** Where large objects and lists begin, also those that do not end. */
function largeIn(text: string): Set<number> {
  const large = new Set<number>();
  if (!hasCommas(text)) return large;
  // Plain lists of numbers: of each that is open, where it begins and how many commas came before.
  const starts: number[] = [];
  const before: number[] = [];
  let commas = 0;
  const close = () => {
    const start = starts.pop();
    if (start !== undefined && commas - (before.pop() as number) > LARGE) large.add(start);
  };
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case comma:
        commas += 1;
        break;
      case quote:
        i = endOfString(text, i);
        break;
      case openObject:
      case openList:
        starts.push(i);
        before.push(commas);
        break;
      case closeObject:
      case closeList:
        close();
        break;
    }
  }
  while (starts.length > 0) close();
  return large;
}

/** Whether there are enough for anything to be large. */
function hasCommas(text: string): boolean {
  let at = -1;
  for (let count = 0; count <= LARGE; count++) {
    at = text.indexOf(",", at + 1);
    if (at === -1) return false;
  }
  return true;
}

class Pieces {
  readonly #text: string;
  readonly #large: ReadonlySet<number>;
  readonly #turns = new Turns();
  #at = 0;

  constructor(text: string, large: ReadonlySet<number>) {
    this.#text = text;
    this.#large = large;
  }

  async whole(): Promise<Json> {
    const value = await this.#value();
    if (!Number.isNaN(this.#next())) throw this.#broken();
    return value;
  }

  async #value(): Promise<Json> {
    const code = this.#next();
    if (!this.#large.has(this.#at)) return this.#piece();
    return code === openList ? await this.#list() : await this.#object();
  }

  async #list(): Promise<Json> {
    const list: Json[] = [];
    for (let isFirst = true; this.#more(closeList, isFirst); isFirst = false) {
      list.push(await this.#value());
      await this.#turns.next();
    }
    return list;
  }

  async #object(): Promise<Json> {
    const object: Record<string, Json> = {};
    for (let isFirst = true; this.#more(closeObject, isFirst); isFirst = false) {
      if (this.#next() !== quote) throw this.#broken();
      const name = this.#piece() as string;
      if (this.#next() !== colon) throw this.#broken();
      this.#at += 1;
      const value = await this.#value();
      // By assignment it would be the prototype.
      if (name === "__proto__") {
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
      } else object[name] = value;
      await this.#turns.next();
    }
    return object;
  }

  /** Whether another member follows; passes the mark before it, or the one that closes all. */
  #more(close: number, isFirst: boolean): boolean {
    if (isFirst) this.#at += 1;
    const code = this.#next();
    // A large one has a member.
    if (isFirst) return true;
    if (code !== close && code !== comma) throw this.#broken();
    this.#at += 1;
    return code !== close;
  }

  /** A value that is parsed at once. */
  #piece(): Json {
    const start = this.#at;
    this.#at = this.#endOfValue();
    try {
      return parseJson(this.#text.slice(start, this.#at));
    } catch (error) {
      const at = /at position (\d+)/.exec((error as Error).message)?.[1];
      this.#at = at === undefined ? start : start + Number(at);
      throw this.#broken();
    }
  }

  #endOfValue(): number {
    let depth = 0;
    for (let at = this.#at; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === quote) {
        at = endOfString(this.#text, at);
        if (depth === 0) return at + 1;
      } else if (isOpen(code)) depth += 1;
      else if (isClose(code)) {
        if (depth <= 1) return depth === 0 ? at : at + 1;
        depth -= 1;
      } else if (depth === 0 && (code === comma || code === colon || isSpace(code))) return at;
    }
    return this.#text.length;
  }

  /** The code of the character after white space, which it passes; NaN at the end. */
  #next(): number {
    const code = this.#text.charCodeAt(this.#at);
    if (!isSpace(code)) return code;
    NO_SPACE.lastIndex = this.#at;
    this.#at = NO_SPACE.test(this.#text) ? NO_SPACE.lastIndex - 1 : this.#text.length;
    return this.#text.charCodeAt(this.#at);
  }

  #broken(): SyntaxError {
    return new SyntaxError(`not JSON at position ${this.#at}`);
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
