// Large Protobuf bodies: limits are checked before decoding, which then yields to other work between pieces.
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  mergeFromBinary,
  ScalarType,
} from "@bufbuild/protobuf";
import { invalidField, malformed } from "../../domain/errors.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import { maxItems, type TextLimit, textLimit, tooManyItems } from "../../pipeline/validation/item-limits.ts";
import { type Place as Path, textOf } from "../../pipeline/validation/message-path.ts";
import { MAX_STRUCT_BYTES } from "../../pipeline/validation/text-rules.ts";
import { MAX_VALUES } from "../json/walk/json-walk.ts";

/** So many bytes are decoded at once, or one field that is longer. */
const PIECE = 16 * 1024;
/** What lies deeper is left to the decoder, which refuses it. */
const MAX_DEPTH = 100;
const FREE_JSON = ["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"];

/**
 * Decodes what `fromBinary` would. Throws INVALID_FIELD or MALFORMED_BODY, before anything is decoded, where a list or
 * a map has too many items, free JSON too many values, or the whole too many fields.
 */
export async function readLargeBinary(schema: DescMessage, bytes: Uint8Array): Promise<Message> {
  new Measure(bytes).message(schema, 0, bytes.length, 0);
  const message = create(schema);
  const turns = new Turns();
  // Bytes of messages one behind the other are the bytes of both, merged (Protobuf, "Last One Wins").
  for (const piece of piecesOf(schema, bytes)) {
    await turns.next();
    mergeFromBinary(schema, message, piece, { readUnknownFields: false });
  }
  return message;
}

/** A field as it stands among the bytes. */
interface Place {
  readonly number: number;
  readonly wireType: number;
  /** Where its value begins: behind its length, if it has one. */
  readonly start: number;
  readonly end: number;
}

/** The field that begins at a place. Throws MALFORMED_BODY where there is none, or a group. */
function fieldAt(bytes: Uint8Array, at: number, end: number): Place {
  // A low number and a short length, of a byte each: what there can be many of.
  const [tag, length] = [bytes[at] as number, bytes[at + 1] as number];
  const start = at + 2;
  return tag < 0x80 && (tag & 7) === 2 && length < 0x80 && start + length <= end
    ? { number: tag >> 3, wireType: 2, start, end: start + length }
    : anyFieldAt(bytes, at, end);
}

function anyFieldAt(bytes: Uint8Array, at: number, end: number): Place {
  let next = at;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[next++];
      if (byte === undefined || next > end || shift > 2 ** 63) throw broken();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  const tag = varint();
  const [number, wireType] = [Math.floor(tag / 8), tag % 8];
  let length = 0;
  if (wireType === 0) varint();
  else if (wireType === 1) length = 8;
  else if (wireType === 2) length = varint();
  else if (wireType === 5) length = 4;
  else throw broken();
  if (next + length > end) throw broken();
  return { number, wireType, start: next, end: next + length };
}

class Measure {
  readonly #bytes: Uint8Array;
  #values = 0;
  /** How many there may be where it is, and how much of the path leads to the free JSON that it is in. */
  #max = MAX_VALUES;
  #json: number | undefined;
  readonly #path: Path = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  message(schema: DescMessage, start: number, end: number, depth: number): void {
    const fields = fieldsOf(schema);
    let counts: Map<DescField, number> | undefined;
    for (let at = start; at < end; ) {
      if (++this.#values > this.#max) throw this.#tooMuch();
      const place = fieldAt(this.#bytes, at, end);
      at = place.end;
      const known = fields.get(place.number);
      if (known === undefined || depth === MAX_DEPTH) continue;
      const { field, max, limit } = known;
      this.#path.push(field.name);
      if (field.fieldKind === "list" || field.fieldKind === "map") {
        counts ??= new Map();
        const count = (counts.get(field) ?? 0) + this.#itemsIn(field, place);
        if (count > max) throw tooMany(textOf(this.#path), max, field.fieldKind);
        counts.set(field, count);
        if (field.fieldKind === "list") this.#path.push(count - 1);
      }
      if (limit !== undefined && place.wireType === 2 && place.end - place.start > limit.maxBytes) {
        throw invalidField(textOf(this.#path), limit.words, limit.rule);
      }
      if (place.wireType === 2 && field.fieldKind === "map" && field.message !== undefined) {
        this.#pair(field.message, place, depth);
      } else if (place.wireType === 2 && field.message !== undefined) {
        this.#inner(field.message, place, depth);
      }
      if (field.fieldKind === "list") this.#path.pop();
      this.#path.pop();
    }
  }

  /** A pair of a map: the value is field 2. */
  #pair(schema: DescMessage, { start, end }: Place, depth: number): void {
    for (let at = start; at < end; ) {
      const place = fieldAt(this.#bytes, at, end);
      at = place.end;
      if (place.number === 2 && place.wireType === 2) this.#inner(schema, place, depth);
    }
  }

  #inner(schema: DescMessage, { start, end }: Place, depth: number): void {
    const [max, json] = [this.#max, this.#json];
    if (json === undefined && FREE_JSON.includes(schema.typeName)) {
      // A value of JSON takes two bytes, and is three fields here.
      this.#max = Math.min(max, this.#values + 2 * MAX_STRUCT_BYTES);
      this.#json = this.#path.length;
    }
    this.message(schema, start, end, depth + 1);
    this.#max = max;
    this.#json = json;
  }

  #tooMuch(): Error {
    if (this.#json !== undefined && this.#max < MAX_VALUES) return tooMuchJson(textOf(this.#path.slice(0, this.#json)));
    return malformed(`the body must hold at most ${MAX_VALUES} values`);
  }

  /** Numbers may be packed, many in one field. */
  #itemsIn(field: DescField, { wireType, start, end }: Place): number {
    if (field.fieldKind !== "list" || wireType !== 2) return 1;
    if (field.listKind === "message") return 1;
    const type = field.listKind === "enum" ? ScalarType.INT32 : field.scalar;
    if (type === ScalarType.STRING || type === ScalarType.BYTES) return 1;
    let count = 0;
    const max = maxItems(field);
    for (let i = start; i < end && count <= max; i++) if ((this.#bytes[i] as number) < 0x80) count++;
    return FIXED.includes(type) ? Math.ceil((end - start) / 8) : count;
  }
}

const FIXED: readonly ScalarType[] = [
  ScalarType.DOUBLE,
  ScalarType.FLOAT,
  ScalarType.FIXED32,
  ScalarType.FIXED64,
  ScalarType.SFIXED32,
  ScalarType.SFIXED64,
];

/** Cuts between fields; the field of one message that is long, within it. */
function* piecesOf(schema: DescMessage, bytes: Uint8Array): Generator<Uint8Array> {
  const fields = fieldsOf(schema);
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const place = fieldAt(bytes, at, bytes.length);
    const field = fields.get(place.number)?.field;
    if (place.end - at > PIECE && field?.fieldKind === "message" && isOurs(field.message) && place.wireType === 2) {
      if (from < at) yield bytes.subarray(from, at);
      for (const piece of piecesOf(field.message, bytes.subarray(place.start, place.end))) {
        yield Buffer.concat([varint(place.number * 8 + 2), varint(piece.length), piece]);
      }
      from = place.end;
    } else if (place.end - from > PIECE) {
      yield bytes.subarray(from, place.end);
      from = place.end;
    }
    at = place.end;
  }
  if (from < bytes.length) yield bytes.subarray(from);
}

function isOurs({ typeName }: DescMessage): boolean {
  return !typeName.startsWith("google.protobuf.");
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A field with its limits. */
interface Known {
  readonly field: DescField;
  /** Of the items of a list, or the pairs of a map. */
  readonly max: number;
  /** Of a text. */
  readonly limit: TextLimit | undefined;
}

const byNumber = new WeakMap<DescMessage, ReadonlyMap<number, Known>>();

function fieldsOf(schema: DescMessage): ReadonlyMap<number, Known> {
  let fields = byNumber.get(schema);
  if (fields === undefined) {
    fields = new Map(schema.fields.map((field) => [field.number, knownOf(field)]));
    byNumber.set(schema, fields);
  }
  return fields;
}

function knownOf(field: DescField): Known {
  return { field, max: maxItems(field), limit: field.message === undefined ? textLimit(field) : undefined };
}

function broken(): Error {
  return malformed("the body is not a well-formed Protobuf message");
}

function tooMany(path: string, max: number, kind: "list" | "map"): Error {
  const [rule, words] = tooManyItems(max, kind);
  return invalidField(path, words, rule);
}

function tooMuchJson(path: string): Error {
  return invalidField(path, `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`, "struct.max_bytes");
}
