// Prepares a JSON body whose message has raw fields: their values become strings, which the decoder reads as any other.
import type { DescMessage } from "@bufbuild/protobuf";
import { join } from "../../../../codec/json/json-position.ts";
import { MAX_VALUES } from "../../../../codec/json/walk/json-walk.ts";
import { endOfString } from "../../../../domain/json.ts";
import { jsonFault } from "../../../../domain/parts/json-text.ts";
import { Turns } from "../../../../pipeline/streams/time-slices.ts";
import { maxItems, tooManyItems } from "../../../../pipeline/validation/item-limits.ts";
import { invalid } from "../../binding/problem.ts";
import { type RawField, type RawFields, rawFieldsOf } from "../../binding/raw-json.ts";

/** Maximum number of values within a raw one, itself included: objects, lists, strings, numbers. */
const MAX_RAW_VALUES = 50_000;

/**
 * The text with the values of raw fields as strings of their JSON; unchanged where it is not JSON, which the parser
 * then explains, or holds more values than a body may. Throws a RestProblem for a value nested too deep or of too many
 * values, and for a list of too many.
 *
 * @param path where the message stands in the request, empty for the whole body
 */
export function quoteRawValues(schema: DescMessage, text: string, path = ""): string {
  const steps = quoting(schema, text, path);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same of a large text, while others have turns. */
export async function quoteManyRawValues(schema: DescMessage, text: string, path = ""): Promise<string> {
  const turns = new Turns();
  const steps = quoting(schema, text, path);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await turns.next();
  }
}

/** Gives the text at its end; others may have a turn after each step. */
function* quoting(schema: DescMessage, text: string, path: string): Generator<void, string> {
  const fields = rawFieldsOf(schema);
  if (fields.size === 0) return text;
  const walk = new Walk(text);
  try {
    yield* walk.object(fields, path);
  } catch (error) {
    if (error instanceof NotJson) return text;
    throw error;
  }
  yield;
  return walk.result();
}

/** So many members are passed in one step. */
const STEP = 100;

class NotJson extends Error {}

class Walk {
  readonly #text: string;
  readonly #pieces: string[] = [];
  #at = 0;
  /** The end of what is in the pieces. */
  #done = 0;
  /** How many values it has passed, and how many members that are not raw. */
  #values = 0;
  #passed = 0;

  constructor(text: string) {
    this.#text = text;
  }

  result(): string {
    return this.#done === 0 ? this.#text : this.#pieces.join("") + this.#text.slice(this.#done);
  }

  /** The members of an object; anything else is passed. */
  *object(fields: RawFields, path: string): Generator<void> {
    if (this.#next() !== 0x7b) {
      this.#pass();
      return;
    }
    this.#at++;
    if (this.#next() === 0x7d) {
      this.#at++;
      return;
    }
    for (;;) {
      const field = fields.get(this.#name());
      if (field === undefined) this.#pass();
      else yield* this.#field(field, join(path, field.field.name));
      if (this.#ends(0x7d)) return;
      if (this.#passed++ % STEP === 0) yield;
    }
  }

  *#field({ field, inner }: RawField, path: string): Generator<void> {
    const read = (at: string) => (inner === undefined ? this.#quote(at) : this.object(inner, at));
    if (field.fieldKind !== "list") {
      yield* read(path);
      return;
    }
    if (this.#next() !== 0x5b) {
      // The decoder refuses it.
      this.#pass();
      return;
    }
    this.#at++;
    if (this.#next() === 0x5d) {
      this.#at++;
      return;
    }
    const most = maxItems(field);
    for (let index = 0; ; index++) {
      if (index === most) {
        const [rule, description] = tooManyItems(most);
        throw invalid("body", path, description, rule);
      }
      yield* read(`${path}[${index}]`);
      if (this.#ends(0x5d)) return;
    }
  }

  *#quote(path: string): Generator<void> {
    this.#next();
    const start = this.#at;
    if (!this.#pass(MAX_RAW_VALUES)) {
      throw invalid("body", path, `must hold at most ${MAX_RAW_VALUES} values`, "json.max_values");
    }
    const value = this.#text.slice(start, this.#at);
    yield;
    const fault = jsonFault(value);
    yield;
    if (fault !== undefined) {
      const [rule, description] = fault;
      if (rule === "json") throw new NotJson();
      throw invalid("body", path, description, rule);
    }
    this.#pieces.push(this.#text.slice(this.#done, start), JSON.stringify(value));
    this.#done = this.#at;
  }

  /** Passes a name and its colon. */
  #name(): string {
    if (this.#next() !== 0x22) throw new NotJson();
    const start = this.#at;
    const end = this.#string();
    if (this.#next() !== COLON) throw new NotJson();
    this.#at++;
    const raw = this.#text.slice(start + 1, end);
    if (!raw.includes("\\")) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      throw new NotJson();
    }
  }

  /** Passes a string, and returns where its closing quote is. */
  #string(): number {
    const end = endOfString(this.#text, this.#at);
    if (end === this.#text.length) throw new NotJson();
    this.#at = end + 1;
    return end;
  }

  /**
   * Passes a value, as far as quotes and brackets say where it ends. False: it holds more than `most`, and is not
   * passed.
   */
  #pass(most = MAX_VALUES): boolean {
    const until = this.#values + most;
    let depth = 0;
    do {
      const code = this.#next();
      if (code === COLON) {
        // What stands before it is a name.
        if (depth === 0) throw new NotJson();
        this.#values--;
        this.#at++;
      } else if (code === 0x2c || code === 0x7d || code === 0x5d) {
        if (code !== 0x2c) depth--;
        if (depth < 0 || (depth === 0 && code === 0x2c)) throw new NotJson();
        this.#at++;
      } else {
        if (++this.#values > until) return false;
        if (this.#values > MAX_VALUES) throw new NotJson();
        if (code === 0x22) this.#string();
        else if (code === 0x7b || code === 0x5b) {
          depth++;
          this.#at++;
        } else this.#literal();
      }
    } while (depth > 0);
    return true;
  }

  #literal(): void {
    const start = this.#at;
    LITERAL.lastIndex = start;
    this.#at = LITERAL.test(this.#text) ? LITERAL.lastIndex : start;
    if (this.#at === start) throw new NotJson();
  }

  /** The code of the character after white space, which it passes. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at++;
    }
  }

  /** Passes a comma, or what closes the object or list: then true. */
  #ends(closing: number): boolean {
    const code = this.#next();
    this.#at++;
    if (code === closing) return true;
    if (code !== 0x2c) throw new NotJson();
    return false;
  }
}

const COLON = 0x3a;
const LITERAL = /[^\s,:[\]{}"]+/y;
