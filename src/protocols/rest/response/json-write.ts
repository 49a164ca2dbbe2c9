// Messages into JSON: the JSON form of Protobuf with implicit fields written out, unless a field asks for null or to be
// left out.
import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import { field as restField } from "../../../../gen/colloquy/rest/v1/options_pb.ts";
import { FieldBehavior, field_behavior } from "../../../../gen/google/api/field_behavior_pb.ts";
import { fieldsInOrder, IMPLICIT } from "../../../codec/field-presence.ts";
import { createJsonForm } from "../../../codec/json/json-writer.ts";
import { RawJson } from "../../../codec/json/raw-json.ts";
import { jsonWithKept } from "../../../codec/kept.ts";
import { keptOf } from "../../../domain/protobuf/kept-list.ts";
import { bareListOf } from "../binding/bare-list.ts";
import { getField } from "../binding/field-path.ts";
import { isRawJson } from "../binding/raw-json.ts";

export interface WriteOptions {
  /** What `google.protobuf.Any` may hold. */
  readonly registry?: Registry;
}

/** Gives the JSON text of a message or of one of its fields. */
export interface JsonWriter {
  message(schema: DescMessage, message: Message): string;
  /** Of a whole response: as bytes where a part of it was kept encoded. */
  response(schema: DescMessage, message: Message): string | Uint8Array;
  /** JSON null where the field is unset. */
  field(schema: DescMessage, message: Message, field: DescField): string;
}

/** Puts the nulls and bare lists of a message and of those within into its JSON. */
type Fill = (json: JsonObject) => JsonObject;

export function createJsonWriter({ registry }: WriteOptions = {}): JsonWriter {
  const formOf = createJsonForm({ alwaysEmitImplicit: true, ...(registry !== undefined && { registry }) });
  const fills = new Map<DescMessage, Fill | undefined>();

  function jsonOf(schema: DescMessage, message: Message): JsonValue {
    const json = formOf(schema, message);
    if (!fills.has(schema)) fills.set(schema, createFill(schema, formOf.raw));
    const fill = fills.get(schema);
    return fill === undefined ? json : fill(json as JsonObject);
  }

  return {
    message: (schema, message) => formOf.stringify(jsonOf(schema, message)),
    response(schema, message) {
      const json = jsonOf(schema, message);
      const kept = keptOf(message);
      return kept === undefined ? formOf.stringify(json) : jsonWithKept(formOf, json, kept);
    },
    field(schema, message, field) {
      if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.")) {
        const value = getField(message, field);
        return value === undefined ? "null" : formOf.stringify(jsonOf(field.message, value as Message));
      }
      const json = jsonOf(schema, message) as JsonObject;
      return formOf.stringify(json[field.jsonName] ?? null);
    },
  };
}

/** Makes what stands for a JSON text in a form. */
type Raw = (text: string) => JsonValue;

/** Undefined where neither the message nor any within it has a field with a JSON form of its own: nothing is to do. */
function createFill(schema: DescMessage, raw: Raw): Fill | undefined {
  const reached = new Set<DescMessage>();
  reach(schema, reached);
  const isSpecial = (field: DescField) =>
    isNullWhenUnset(field) || isOmittedWhenEmpty(field) || isInputOnly(field) || bareListOf(field) || isRawJson(field);
  if (![...reached].some((desc) => desc.fields.some(isSpecial))) {
    return undefined;
  }
  const made = new Map<DescMessage, Fill>();
  return fillOf(schema, made, raw);
}

function fillOf(desc: DescMessage, made: Map<DescMessage, Fill>, raw: Raw): Fill {
  let fill = made.get(desc);
  if (fill !== undefined) return fill;
  const all = fieldsInOrder(desc);
  // Written out empty, a field that responses never hold would look like the value that is there.
  const written = all.filter((field) => !isInputOnly(field));
  const fields = written.map(nullableOf);
  const hasNulls = written.length < all.length || fields.some(({ nullWhen, omitWhen }) => nullWhen ?? omitWhen);
  const inner: { field: DescField; fill: Fill }[] = [];
  const raws = written.filter(isRawJson).map(({ jsonName }) => jsonName);
  fill = (json) => {
    for (const name of raws) {
      const value = json[name];
      if (value !== undefined) json[name] = rawValue(value, raw);
    }
    for (const { field, fill: fillInner } of inner) fillField(json, field, fillInner);
    return hasNulls ? withNulls(json, fields) : json;
  };
  // Known before it is filled: a message may hold itself.
  made.set(desc, fill);
  for (const field of desc.fields) {
    const message = "message" in field ? field.message : undefined;
    if (message !== undefined && !isWellKnown(message)) inner.push({ field, fill: fillOf(message, made, raw) });
  }
  return fill;
}

/** The values that texts hold. An empty text is none. */
function rawValue(value: JsonValue, raw: Raw): JsonValue {
  if (Array.isArray(value)) return value.map((text) => raw(text as string));
  return typeof value === "string" && value !== "" ? raw(value) : null;
}

function fillField(json: JsonObject, field: DescField, fill: Fill): void {
  const value = json[field.jsonName];
  if (typeof value !== "object" || value === null || (value as unknown) instanceof RawJson) return;
  if (Array.isArray(value)) json[field.jsonName] = value.map((item) => fill(item as JsonObject));
  else if (field.fieldKind !== "map") {
    const filled = fill(value);
    const list = bareListOf(field);
    json[field.jsonName] = list === undefined ? filled : (filled[list.jsonName] ?? []);
  } else json[field.jsonName] = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fill(v as JsonObject)]));
}

/** How a field is written. What its options say is read once: reading an option takes longer than writing a field. */
interface Nullable {
  readonly name: string;
  /** Undefined: it is left out where it is unset. */
  readonly nullWhen: ((value: JsonValue) => boolean) | undefined;
  /** Undefined: it is written with whatever value. */
  readonly omitWhen: ((value: JsonValue) => boolean) | undefined;
}

function nullableOf(field: DescField): Nullable {
  const name = field.jsonName;
  const omitWhen = isOmittedWhenEmpty(field) ? (value: JsonValue) => isDefault(field, value) : undefined;
  if (!isNullWhenUnset(field)) return { name, nullWhen: undefined, omitWhen };
  return { name, nullWhen: field.presence === IMPLICIT ? (value) => isDefault(field, value) : () => false, omitWhen };
}

/** The same in the order of the fields' numbers, with nulls. */
function withNulls(json: JsonObject, fields: readonly Nullable[]): JsonObject {
  const filled: JsonObject = {};
  for (const { name, nullWhen, omitWhen } of fields) {
    const value = json[name];
    if (nullWhen !== undefined && (value === undefined || nullWhen(value))) filled[name] = null;
    else if (value !== undefined && !omitWhen?.(value)) filled[name] = value;
  }
  return filled;
}

// The default of a field without presence, as JSON writes it.
function isDefault(field: DescField, value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  if (field.fieldKind === "enum") return value === field.enum.values[0]?.jsonName;
  return value === "" || value === 0 || value === false || value === "0";
}

function reach(desc: DescMessage, reached: Set<DescMessage>): void {
  if (reached.has(desc) || isWellKnown(desc)) return;
  reached.add(desc);
  for (const field of desc.fields) if ("message" in field && field.message !== undefined) reach(field.message, reached);
}

function isWellKnown(desc: DescMessage): boolean {
  return desc.typeName.startsWith("google.protobuf.");
}

function isInputOnly(field: DescField): boolean {
  return hasOption(field, field_behavior) && getOption(field, field_behavior).includes(FieldBehavior.INPUT_ONLY);
}

function isOmittedWhenEmpty(field: DescField): boolean {
  return hasOption(field, restField) && getOption(field, restField).omitWhenEmpty;
}

function isNullWhenUnset(field: DescField): boolean {
  return hasOption(field, restField) && getOption(field, restField).nullWhenUnset;
}
