// Scans a JSON body before it is parsed: its size, and where the items of its lists of messages are.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { tooManyItems } from "../pipeline/validation/item-limits.ts";
import { type Place, textOf } from "../pipeline/validation/message-path.ts";
import { MAX_STRUCT_BYTES } from "../pipeline/validation/text-rules.ts";
import { fieldNamed } from "./field-named.ts";
import { type BareListOf, type Kind, Kinds, type ListKind, UNKNOWN } from "./json-kinds.ts";
import { mayHoldFault, numberFault } from "./json-number.ts";
import { JsonScanner, NotJson } from "./json-scanner.ts";
import { ShapeFault } from "./shape-fault.ts";

/** Maximum number of values of one body: objects, lists, strings, numbers. Each takes a microsecond to read. */
export const MAX_VALUES = 200_000;
/** Maximum of one item of a list of messages, and of a body without the items of such lists. */
export const MAX_PIECE_VALUES = 20_000;
/** Parts of a body that nothing reads are cut out of it if they are longer. */
const WORTH_CUTTING = 64;

export interface ShapeOptions {
  /** Whether names that are no field are skipped. */
  readonly ignoreUnknownFields: boolean;
  /** Names in the outermost object that are skipped, whatever they hold. Default: none. */
  readonly skipped?: ReadonlySet<string>;
  /** Whether a number that is too large for a double is refused here. Default: false, the reader sees that it is infinite. */
  readonly finite?: boolean;
  /** Default: no field is written as a bare list. */
  readonly bareListOf?: BareListOf;
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

/** Throws what {@link jsonShape} does, of texts that may hold a number that would become another one. */
export function refuseInexactNumbers(schema: DescMessage, text: string, options: ShapeOptions): void {
  if (mayHoldFault(text)) jsonShape(schema, text, options);
}

class Scan implements JsonShape {
  readonly cuts: Cut[] = [];
  readonly lists: ItemList[] = [];
  readonly #text: JsonScanner;
  readonly #options: ShapeOptions;
  readonly #kinds: Kinds;
  /** What leads to where the scan is, for errors; and the fields, while only singular messages were passed. */
  readonly #place: Place = [];
  readonly #path: DescField[] = [];
  #inItem = false;
  /** What is scanned is no field: nothing reads it, or it is refused as such. */
  #unread = false;
  #values = 0;
  #pieceValues = 0;

  constructor(text: string, options: ShapeOptions) {
    this.#text = new JsonScanner(text, (rule, words) => this.#broken(rule, words));
    this.#options = options;
    this.#kinds = new Kinds(options.bareListOf);
  }

  whole(schema: DescMessage): void {
    this.#value({ kind: "message", schema });
    if (this.#text.next() !== undefined) throw new NotJson();
  }

  #value(kind: Kind): void {
    if (++this.#values > MAX_VALUES) throw new ShapeFault(`the body must hold at most ${MAX_VALUES} values`);
    if (++this.#pieceValues > MAX_PIECE_VALUES) {
      throw new ShapeFault(
        `${this.#inItem ? "an item of a list" : "the body"} must hold at most ${MAX_PIECE_VALUES} values`,
      );
    }
    switch (this.#text.next()) {
      case "{":
        this.#text.nested(() => this.#object(kind));
        break;
      case "[":
        this.#text.nested(() => this.#array(kind));
        break;
      case '"':
        this.#string(kind);
        break;
      default: {
        const fault = numberFault(this.#text.literal(), this.#options.finite === true);
        if (fault !== undefined && !this.#unread) throw this.#broken(...fault);
      }
    }
  }

  #string(kind: Kind): void {
    const length = this.#text.string();
    if (kind.kind === "text" && length > kind.most) throw this.#broken(kind.rule, kind.words);
  }

  #object(kind: Kind): void {
    if (kind.kind === "json") {
      this.#json(() => this.#text.members(() => this.#value(UNKNOWN)));
      return;
    }
    let pairs = 0;
    this.#text.members((name, start) => {
      if (kind.kind === "message") this.#member(kind.schema, name, start);
      else if (kind.kind === "map") {
        if (++pairs > kind.most) throw this.#broken(...tooManyItems(kind.most, "map"));
        this.#mapped(kind.item);
      } else this.#value(UNKNOWN);
    });
  }

  #member(schema: DescMessage, name: string, start: number): void {
    const { skipped, ignoreUnknownFields } = this.#options;
    const isSkipped = this.#text.depth === 1 && skipped?.has(name) === true;
    const field = isSkipped ? undefined : fieldNamed(schema, name);
    if (field === undefined) {
      this.#unknown(isSkipped || ignoreUnknownFields, start);
      return;
    }
    this.#place.push(field.name);
    if (!this.#inItem) this.#path.push(field);
    this.#value(this.#kinds.of(field));
    if (!this.#inItem) this.#path.pop();
    this.#place.pop();
  }

  /** @param unread whether nothing reads it */
  #unknown(unread: boolean, start: number): void {
    const before = this.#pieceValues;
    const within = this.#unread;
    this.#unread = true;
    this.#value(UNKNOWN);
    this.#unread = within;
    const end = this.#text.at;
    if (!unread || this.#inItem || end - start < WORTH_CUTTING) return;
    // A name that stands in no text by chance: names given twice are refused.
    this.cuts.push({ start, end, by: `"\ue000${start}":null` });
    this.#pieceValues = before + 1;
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
    else if (kind.kind === "json") this.#json(() => this.#text.elements(() => this.#value(UNKNOWN)));
    else this.#text.elements(() => this.#value(UNKNOWN));
  }

  #items({ item, most }: ListKind): void {
    const open = this.#text.at;
    const apart = item.kind === "message" && !this.#inItem;
    const before = this.#pieceValues;
    const bounds: number[] = [];
    let count = 0;
    if (apart) this.#inItem = true;
    this.#text.elements(() => {
      if (count === most) throw this.#broken(...tooManyItems(most));
      this.#place.push(count++);
      if (apart) {
        this.#pieceValues = 0;
        this.#text.next();
        bounds.push(this.#text.at);
      }
      this.#value(item);
      this.#place.pop();
      if (apart) bounds.push(this.#text.at);
    });
    if (!apart) return;
    this.#inItem = false;
    this.#pieceValues = before;
    this.cuts.push({ start: open, end: this.#text.at - 1, by: "" });
    this.lists.push({ path: [...this.#path], bounds });
  }

  /** Free JSON: what it holds is not told apart. */
  #json(read: () => void): void {
    const [values, from] = [this.#values, this.#text.at];
    read();
    // A value takes two bytes, a byte six characters at most, and white space is not counted.
    const tooMany = this.#values - values > MAX_STRUCT_BYTES / 2;
    if (tooMany || this.#text.isLonger(from, 6 * MAX_STRUCT_BYTES)) {
      throw this.#broken("struct.max_bytes", `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`);
    }
  }

  #broken(rule: string, words: string): Error {
    return new ShapeFault(words, textOf(this.#place), rule);
  }
}
