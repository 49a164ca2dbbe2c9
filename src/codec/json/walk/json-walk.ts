// The walk over a JSON body that measures it. It can stop after any value and go on later.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { tooManyItems } from "../../../pipeline/validation/item-limits.ts";
import { type Place, shownPlace, textOf } from "../../../pipeline/validation/message-path.ts";
import { MAX_STRUCT_BYTES } from "../../../pipeline/validation/text-rules.ts";
import { fieldNamed } from "../../field-named.ts";
import { ShapeFault } from "../../shape-fault.ts";
import { numberFault } from "../json-number.ts";
import { visible } from "../json-position.ts";
import { Frame, type Member } from "./json-frame.ts";
import { FREE, type Kind, Kinds, type ShapeOptions, textFault, UNKNOWN } from "./json-kinds.ts";
import { CODES, JsonScanner, type Names, NotJson } from "./json-scanner.ts";

/** Maximum number of values of one body: objects, lists, strings, numbers. Each takes a microsecond to read. */
export const MAX_VALUES = 200_000;
/** Maximum of one item of a list of messages, and of a body without the items of such lists. */
const MAX_PIECE_VALUES = 20_000;
/** Parts of a body that nothing reads are cut out of it if they are longer. */
const WORTH_CUTTING = 64;

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

export class JsonWalk implements JsonShape {
  readonly cuts: Cut[] = [];
  readonly lists: ItemList[] = [];
  isJson = true;
  readonly #schema: DescMessage;
  readonly #text: JsonScanner;
  readonly #options: ShapeOptions;
  readonly #kinds: Kinds;
  readonly #frames: Frame[] = [];
  /** What leads to where the walk is, for errors; and the fields, while only singular messages were passed. */
  readonly #place: Place = [];
  readonly #path: DescField[] = [];
  #inItem = false;
  /** The value belongs to no known field: it is ignored, or refused as unknown. */
  #unread = false;
  #values = 0;
  #pieceValues = 0;

  constructor(schema: DescMessage, text: string, options: ShapeOptions) {
    this.#schema = schema;
    this.#text = new JsonScanner(text, (rule, words) => this.#broken(rule, words));
    this.#options = options;
    this.#kinds = new Kinds(options.bareListOf);
  }

  /** Continues, for at most that many values. True: at the end, or the text is not JSON. Throws a {@link ShapeFault}. */
  step(values: number): boolean {
    const until = this.#values + values;
    try {
      if (this.#values === 0) this.#value({ kind: "message", schema: this.#schema });
      for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
        if (this.#values >= until) return false;
        this.#goOn(frame);
      }
      if (!Number.isNaN(this.#text.next())) throw new NotJson();
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      this.isJson = false;
    }
    return true;
  }

  #goOn(frame: Frame): void {
    if (this.#text.more(frame.isList ? CODES.closeList : CODES.closeObject, frame.isFirst)) {
      frame.isFirst = false;
      if (frame.isList) this.#element(frame);
      else this.#member(frame);
      return;
    }
    this.#frames.pop();
    this.#close(frame);
    const outer = this.#frames.at(-1);
    if (outer !== undefined) this.#leave(outer);
  }

  /** Reads the value of a member: a string or literal at once, an object or list from the next step on. */
  #read(frame: Frame, member: Member, kind: Kind): void {
    frame.member = member;
    if (this.#value(kind)) this.#leave(frame);
  }

  /** True: it is passed. False: it is an object or list, and has a frame now. */
  #value(kind: Kind): boolean {
    if (++this.#values > MAX_VALUES) throw new ShapeFault(`the body must hold at most ${MAX_VALUES} values`);
    if (++this.#pieceValues > MAX_PIECE_VALUES) {
      const piece = this.#inItem ? "an item of a list" : "the body";
      throw new ShapeFault(`${piece} must hold at most ${MAX_PIECE_VALUES} values`);
    }
    switch (this.#text.next()) {
      case CODES.openObject:
        this.#open(kind, false);
        return false;
      case CODES.openList:
        this.#open(kind, true);
        return false;
      case CODES.quote: {
        const fault = textFault(kind, this.#text.string());
        if (fault !== undefined) throw this.#broken(...fault);
        return true;
      }
      default: {
        const fault = numberFault(this.#text.literal(), this.#options.finite === true);
        if (fault !== undefined && !this.#unread) throw this.#broken(...fault);
        return true;
      }
    }
  }

  #open(outer: Kind, isList: boolean): void {
    this.#text.open();
    const isBare = isList && outer.kind === "bare";
    const kind = isBare ? outer.list : outer;
    const frame = new Frame(kind, isList, this.#text, this.#values);
    this.#frames.push(frame);
    if (isBare) {
      frame.isBare = true;
      this.#path.push(outer.list.field);
    }
    if (isList && kind.kind === "list" && kind.item.kind === "message" && !this.#inItem) {
      frame.bounds = [];
      frame.pieceBefore = this.#pieceValues;
      this.#inItem = true;
    }
  }

  #close(frame: Frame): void {
    if (frame.bounds !== undefined) {
      this.#inItem = false;
      this.#pieceValues = frame.pieceBefore;
      this.cuts.push({ start: frame.start, end: this.#text.at - 1, by: "" });
      this.lists.push({ path: [...this.#path], bounds: frame.bounds });
    }
    if (frame.isBare) this.#path.pop();
    if (frame.kind.kind !== "json") return;
    // Free JSON: a value takes two bytes, a byte six characters at most, and white space is not counted.
    const { at, spaces } = this.#text;
    const length = at - frame.start - (spaces - frame.spaces);
    if (this.#values - frame.values > MAX_STRUCT_BYTES / 2 || length > 6 * MAX_STRUCT_BYTES) {
      throw this.#broken("struct.max_bytes", `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`);
    }
  }

  #element(frame: Frame): void {
    const { kind, bounds } = frame;
    if (kind.kind !== "list") {
      this.#inner(frame, frame.count++);
      return;
    }
    if (frame.count === kind.max) throw this.#broken(...tooManyItems(kind.max));
    this.#place.push(frame.count++);
    if (bounds !== undefined) {
      this.#pieceValues = 0;
      this.#text.next();
      bounds.push(this.#text.at);
    }
    this.#read(frame, "item", kind.item);
  }

  #member(frame: Frame): void {
    this.#text.next();
    frame.memberStart = this.#text.at;
    const name = this.#text.name(frame.names as Names);
    const { kind } = frame;
    if (kind.kind === "message") this.#field(frame, kind.schema, name);
    else if (kind.kind === "map") {
      if (++frame.count > kind.max) throw this.#broken(...tooManyItems(kind.max, "map"));
      // A list within the value of a map is read with it.
      frame.before = this.#inItem;
      this.#inItem = true;
      this.#place.push(`[${JSON.stringify(visible(name))}]`);
      this.#read(frame, "mapped", kind.item);
    } else this.#inner(frame, { name });
  }

  /** Of an object or list that is no field's own: free JSON, of which places are told, or what nothing reads. */
  #inner(frame: Frame, step: Place[number]): void {
    const isFree = frame.kind.kind === "json" || frame.kind.kind === "free";
    if (isFree) this.#place.push(step);
    this.#read(frame, isFree ? "item" : "plain", isFree ? FREE : UNKNOWN);
  }

  #field(frame: Frame, schema: DescMessage, name: string): void {
    const { skipped, ignoreUnknownFields } = this.#options;
    const isSkipped = this.#text.depth === 1 && skipped?.has(name) === true;
    const field = isSkipped ? undefined : fieldNamed(schema, name);
    if (field === undefined) {
      frame.cuttable = (isSkipped || ignoreUnknownFields) && !this.#inItem;
      frame.before = this.#unread;
      frame.pieceBefore = this.#pieceValues;
      this.#unread = true;
      this.#read(frame, "unread", UNKNOWN);
      return;
    }
    this.#place.push(field.name);
    if (!this.#inItem) this.#path.push(field);
    this.#read(frame, "field", this.#kinds.of(field));
  }

  /** After the value of a member. */
  #leave(frame: Frame): void {
    switch (frame.member) {
      case "field":
        if (!this.#inItem) this.#path.pop();
        this.#place.pop();
        break;
      case "item":
        this.#place.pop();
        frame.bounds?.push(this.#text.at);
        break;
      case "mapped":
        this.#inItem = frame.before;
        this.#place.pop();
        break;
      case "unread": {
        this.#unread = frame.before;
        const [start, end] = [frame.memberStart, this.#text.at];
        if (!frame.cuttable || end - start < WORTH_CUTTING) break;
        // A name that stands in no text by chance: names given twice are refused.
        this.cuts.push({ start, end, by: `"\ue000${start}":null` });
        this.#pieceValues = frame.pieceBefore + 1;
        break;
      }
    }
  }

  #broken(rule: string, words: string): Error {
    return new ShapeFault(words, textOf(shownPlace(this.#schema, this.#place)), rule);
  }
}
