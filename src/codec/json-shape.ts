// What a JSON body holds, found before it is parsed: how much of it, and where the items of its lists of messages stand.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { endOfString } from "../domain/json.ts";
import { mostItems, textLimit, tooManyItems } from "../pipeline/validation/item-limits.ts";
import { type Place, textOf } from "../pipeline/validation/message-path.ts";
import { MAX_STRUCT_BYTES } from "../pipeline/validation/text-rules.ts";
import { INEXACT, isInexact, mayHoldInexact } from "./json-number.ts";

/** The most values of one body: objects, lists, strings, numbers. Each takes a microsecond to read. */
export const MAX_VALUES = 200_000;
/** The most of one item of a list of messages, and of a body without the items of such lists. */
export const MAX_PIECE_VALUES = 20_000;
/** Numbers of more characters are none that anything could hold. */
const MAX_LITERAL = 1_000;
/** Names of more characters fit nowhere, free JSON included. */
const MAX_NAME = 6 * MAX_STRUCT_BYTES;
/** The most characters of a value that is written as a string, where no rule says otherwise: a time, a mask, an enum. */
const MAX_TEXT_VALUE = 64 * 1024;
/** Parts of a body that nothing reads are cut out of it if they are longer. */
const WORTH_CUTTING = 64;
const MAX_DEPTH = 256;

export interface ShapeOptions {
  /** Whether names that are no field are skipped. */
  readonly ignoreUnknownFields: boolean;
  /** Names in the outermost object that are skipped, whatever they hold. Default: none. */
  readonly skipped?: ReadonlySet<string>;
  /** The list within a field that JSON writes as that bare list. Default: no field is written so. */
  readonly bareListOf?: (field: DescField) => (DescField & { fieldKind: "list" }) | undefined;
}

/** A part of a text, and what stands in its place when the rest is read. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** The items of a list of messages. */
export interface ItemList {
  /** The fields that lead to it, itself last; the others are singular messages. */
  readonly path: readonly DescField[];
  /** Where each item begins and ends, one after the other. */
  readonly bounds: readonly number[];
}

export interface JsonShape {
  /** In the order of the text. */
  readonly cuts: readonly Cut[];
  readonly lists: readonly ItemList[];
}

/** What a value is expected to be. */
type Kind =
  | { readonly kind: "message"; readonly schema: DescMessage }
  | ListKind
  | { readonly kind: "map"; readonly item: Kind; readonly most: number }
  | { readonly kind: "bare"; readonly list: ListKind }
  | { readonly kind: "text"; readonly most: number; readonly rule: string; readonly words: string }
  | { readonly kind: "json" }
  | { readonly kind: "unknown" };

interface ListKind {
  readonly kind: "list";
  readonly field: DescField;
  readonly item: Kind;
  readonly most: number;
}

const UNKNOWN: Kind = { kind: "unknown" };

/** The rule of an object that holds a name twice. */
export const NAME_TWICE = "json.unique";

/** What is wrong with the shape of a body, for each wire to tell in its own terms. */
export class ShapeFault extends Error {
  override readonly name = "ShapeFault";
  /** The field; empty: the body. */
  readonly field: string;
  /** The rule of the contract that it breaks; undefined: the body holds more than any. */
  readonly rule: string | undefined;

  constructor(description: string, field = "", rule?: string) {
    super(description);
    this.field = field;
    this.rule = rule;
  }
}

/** Thrown where a text is no JSON: the parser says what is wrong with it. */
class NotJson extends Error {}

/**
 * Throws a {@link ShapeFault} as soon as the text holds too much: items of a list, values, characters of a string, levels,
 * or a name twice. Undefined: it is no JSON.
 */
export function jsonShape(schema: DescMessage, text: string, options: ShapeOptions): JsonShape | undefined {
  const scan = new Scan(text, options);
  try {
    scan.whole(schema);
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
  return scan;
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

/** Throws a {@link ShapeFault} for a number that would become another one. For texts that were read as `schema`. */
export function refuseInexactNumbers(schema: DescMessage, text: string, options: ShapeOptions): void {
  if (mayHoldInexact(text)) jsonShape(schema, text, options);
}

class Scan implements JsonShape {
  readonly cuts: Cut[] = [];
  readonly lists: ItemList[] = [];
  readonly #text: string;
  readonly #options: ShapeOptions;
  readonly #kinds = new Map<DescField, Kind>();
  /** What leads to where the scan is, for errors; and the fields, while only singular messages were passed. */
  readonly #place: Place = [];
  readonly #path: DescField[] = [];
  #inItem = false;
  /** Nothing reads what is scanned. */
  #unread = false;
  #at = 0;
  #depth = 0;
  #values = 0;
  #pieceValues = 0;

  constructor(text: string, options: ShapeOptions) {
    this.#text = text;
    this.#options = options;
  }

  whole(schema: DescMessage): void {
    this.#value({ kind: "message", schema });
    if (this.#next() !== undefined) throw new NotJson();
  }

  #value(kind: Kind): void {
    if (++this.#values > MAX_VALUES) throw new ShapeFault(`the body must hold at most ${MAX_VALUES} values`);
    if (++this.#pieceValues > MAX_PIECE_VALUES) {
      throw new ShapeFault(
        `${this.#inItem ? "an item of a list" : "the body"} must hold at most ${MAX_PIECE_VALUES} values`,
      );
    }
    switch (this.#next()) {
      case "{":
        this.#nested(() => this.#object(kind));
        break;
      case "[":
        this.#nested(() => this.#array(kind));
        break;
      case '"':
        this.#string(kind);
        break;
      default:
        this.#literal();
    }
  }

  #nested(read: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw new ShapeFault(`the body must be nested at most ${MAX_DEPTH} levels deep`);
    this.#at++;
    read();
    this.#depth--;
  }

  #object(kind: Kind): void {
    if (kind.kind === "json") {
      this.#json(() => this.#members(() => this.#value(UNKNOWN)));
      return;
    }
    let pairs = 0;
    this.#members((name, start) => {
      if (kind.kind === "message") this.#member(kind.schema, name, start);
      else if (kind.kind === "map") {
        if (++pairs > kind.most) throw this.#broken(...tooManyItems(kind.most, "map"));
        this.#mapped(kind.item);
      } else this.#value(UNKNOWN);
    });
  }

  #member(schema: DescMessage, name: string, start: number): void {
    const { skipped, ignoreUnknownFields } = this.#options;
    const field = this.#depth === 1 && skipped?.has(name) ? undefined : fieldNamed(schema, name);
    if (field === undefined) {
      const before = this.#pieceValues;
      const unread = ignoreUnknownFields || (this.#depth === 1 && skipped?.has(name) === true);
      const within = this.#unread;
      this.#unread ||= unread;
      this.#value(UNKNOWN);
      this.#unread = within;
      if (!unread || this.#inItem || this.#at - start < WORTH_CUTTING) return;
      // A name that stands in no text by chance: names given twice are refused.
      this.cuts.push({ start, end: this.#at, by: `"\ue000${start}":null` });
      this.#pieceValues = before + 1;
      return;
    }
    this.#place.push(field.name);
    if (!this.#inItem) this.#path.push(field);
    this.#value(this.#kindOf(field));
    if (!this.#inItem) this.#path.pop();
    this.#place.pop();
  }

  /** A list within the value of a map is read with it. */
  #mapped(item: Kind): void {
    const before = this.#inItem;
    this.#inItem = true;
    this.#value(item);
    this.#inItem = before;
  }

  #array(kind: Kind): void {
    if (kind.kind === "bare") {
      this.#path.push(kind.list.field);
      this.#array(kind.list);
      this.#path.pop();
    } else if (kind.kind === "list") this.#items(kind);
    else if (kind.kind === "json") this.#json(() => this.#elements(() => this.#value(UNKNOWN)));
    else this.#elements(() => this.#value(UNKNOWN));
  }

  #items({ item, most }: ListKind): void {
    const open = this.#at;
    const apart = item.kind === "message" && !this.#inItem;
    const before = this.#pieceValues;
    const bounds: number[] = [];
    let count = 0;
    if (apart) this.#inItem = true;
    this.#elements(() => {
      if (count === most) throw this.#broken(...tooManyItems(most));
      this.#place.push(count++);
      if (apart) {
        this.#pieceValues = 0;
        this.#next();
        bounds.push(this.#at);
      }
      this.#value(item);
      this.#place.pop();
      if (apart) bounds.push(this.#at);
    });
    if (!apart) return;
    this.#inItem = false;
    this.#pieceValues = before;
    this.cuts.push({ start: open, end: this.#at - 1, by: "" });
    this.lists.push({ path: [...this.#path], bounds });
  }

  /** Free JSON: what it holds is not told apart. */
  #json(read: () => void): void {
    const [values, from] = [this.#values, this.#at];
    read();
    // A value takes two bytes, a byte six characters at most, and white space is not counted.
    const characters = this.#at - from;
    const tooMany = this.#values - values > MAX_STRUCT_BYTES / 2;
    if (tooMany || (characters > 6 * MAX_STRUCT_BYTES && this.#isLong(from))) {
      throw this.#broken("struct.max_bytes", `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`);
    }
  }

  /** Whether there is too much in it besides white space. */
  #isLong(from: number): boolean {
    let long = 0;
    for (let i = from; i < this.#at; i++) if (this.#text.charCodeAt(i) > 0x20) long++;
    return long > 6 * MAX_STRUCT_BYTES;
  }

  #members(read: (name: string, start: number) => void): void {
    if (this.#next() === "}") {
      this.#at++;
      return;
    }
    const names = new Names();
    for (;;) {
      if (this.#next() !== '"') throw new NotJson();
      const start = this.#at;
      const end = endOfString(this.#text, start);
      if (end - start > MAX_NAME) throw new ShapeFault(`a name must have at most ${MAX_NAME} characters`);
      const raw = this.#text.slice(start + 1, end);
      this.#at = end + 1;
      if (this.#next() !== ":") throw new NotJson();
      this.#at++;
      const name = raw.includes("\\") ? unescaped(raw) : raw;
      if (!names.add(name)) throw this.#broken(NAME_TWICE, "must not hold a name twice");
      read(name, start);
      if (this.#more("}")) return;
    }
  }

  #elements(read: () => void): void {
    if (this.#next() === "]") {
      this.#at++;
      return;
    }
    for (;;) {
      read();
      if (this.#more("]")) return;
    }
  }

  /** Passes over a comma, or over what ends the object or list: then true. */
  #more(close: string): boolean {
    const mark = this.#next();
    this.#at++;
    if (mark === close) return true;
    if (mark !== ",") throw new NotJson();
    return false;
  }

  #string(kind: Kind): void {
    const start = this.#at;
    const end = endOfString(this.#text, start);
    if (end === this.#text.length) throw new NotJson();
    this.#at = end + 1;
    if (kind.kind === "text" && end - start - 1 > kind.most) throw this.#broken(kind.rule, kind.words);
  }

  #literal(): void {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      // White space, comma, colon, brackets, braces, quotes.
      if (code <= 0x20 || code === 0x2c || code === 0x3a || code === 0x5d || code === 0x7d || code === 0x22) break;
      if (this.#at - start > MAX_LITERAL) {
        if (!/^-?\d[\d.eE+-]*$/.test(this.#text.slice(start, this.#at))) throw new NotJson();
        throw new ShapeFault(`a number must have at most ${MAX_LITERAL} characters`);
      }
    }
    if (this.#at === start) throw new NotJson();
    if (!this.#unread && isInexact(this.#text.slice(start, this.#at))) throw this.#broken(...INEXACT);
  }

  /** The character after white space; undefined at the end. */
  #next(): string | undefined {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return this.#text[this.#at];
    }
    return undefined;
  }

  #kindOf(field: DescField): Kind {
    let kind = this.#kinds.get(field);
    if (kind === undefined) {
      kind = this.#makeKind(field);
      this.#kinds.set(field, kind);
    }
    return kind;
  }

  #makeKind(field: DescField): Kind {
    const bare = this.#options.bareListOf?.(field);
    if (bare !== undefined) return { kind: "bare", list: this.#kindOf(bare) as ListKind };
    switch (field.fieldKind) {
      case "message":
        return messageKind(field.message);
      case "list": {
        const item = field.listKind === "message" ? messageKind(field.message) : textKind(field);
        return { kind: "list", field, item, most: mostItems(field) };
      }
      case "map": {
        const item = field.mapKind === "message" ? messageKind(field.message) : UNKNOWN;
        return { kind: "map", item, most: mostItems(field) };
      }
      case "enum":
        return LONG_TEXT;
      default:
        return textKind(field);
    }
  }

  #broken(rule: string, words: string): Error {
    return new ShapeFault(words, textOf(this.#place), rule);
  }
}

function messageKind(schema: DescMessage): Kind {
  switch (schema.typeName) {
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
    case "google.protobuf.ListValue":
      return { kind: "json" };
    case "google.protobuf.Any":
      return UNKNOWN;
    default:
      return schema.typeName.startsWith("google.protobuf.") ? LONG_TEXT : { kind: "message", schema };
  }
}

const LONG_TEXT: Kind = {
  kind: "text",
  most: MAX_TEXT_VALUE,
  rule: "string.max_len",
  words: `must be at most ${MAX_TEXT_VALUE} characters`,
};

/** A byte is written as six characters at most. */
function textKind(field: DescField): Kind {
  const limit = textLimit(field);
  return limit === undefined ? UNKNOWN : { kind: "text", most: 6 * limit.mostBytes, ...limit };
}

const byName = new WeakMap<DescMessage, Map<string, DescField>>();

function fieldNamed(schema: DescMessage, name: string): DescField | undefined {
  let names = byName.get(schema);
  if (names === undefined) {
    names = new Map(schema.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]));
    byName.set(schema, names);
  }
  return names.get(name);
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
