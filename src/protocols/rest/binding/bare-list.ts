// Lists written in JSON without the message around them: the option `bare_list`.
import { type DescField, type DescMessage, getOption, hasOption, type JsonValue } from "@bufbuild/protobuf";
import { field as restField } from "../../../../gen/colloquy/rest/v1/options_pb.ts";
import { fieldNamed } from "../../../codec/field-named.ts";

/** The repeated field within a field with the option `bare_list`, as which JSON writes the whole; else undefined. */
export function bareListOf(field: DescField): (DescField & { fieldKind: "list" }) | undefined {
  if (field.fieldKind !== "message" || !hasOption(field, restField) || !getOption(field, restField).bareList) {
    return undefined;
  }
  const [only, ...others] = field.message.fields;
  if (only?.fieldKind === "list" && others.length === 0) return only;
  throw new Error(`${field}: bare_list is for a message with one repeated field`);
}

/** Turns JSON into that which the decoder knows: a bare list becomes the message around it. */
export type Wrap = (json: JsonValue) => JsonValue;

const wraps = new WeakMap<DescMessage, { readonly wrap: Wrap | undefined }>();

/** Undefined where neither the message nor any within it holds a bare list. */
export function wrapOf(schema: DescMessage): Wrap | undefined {
  const known = wraps.get(schema);
  if (known !== undefined) return known.wrap;
  if (!holdsBareList(schema, new Set())) {
    wraps.set(schema, { wrap: undefined });
    return undefined;
  }
  const inner = new Map<DescField, Wrap>();
  const wrap: Wrap = (json) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
    return mapValues(json, (value, key) => {
      const field = fieldNamed(schema, key);
      const wrapField = field && inner.get(field);
      return wrapField === undefined || value === null ? value : wrapField(value);
    });
  };
  // Known before it is made: a message may hold itself.
  wraps.set(schema, { wrap });
  for (const field of schema.fields) {
    const wrapField = fieldWrap(field);
    if (wrapField !== undefined) inner.set(field, wrapField);
  }
  return wrap;
}

function holdsBareList(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema) || schema.typeName.startsWith("google.protobuf.")) return false;
  seen.add(schema);
  return schema.fields.some((field) => {
    const message = "message" in field ? field.message : undefined;
    return bareListOf(field) !== undefined || (message !== undefined && holdsBareList(message, seen));
  });
}

function fieldWrap(field: DescField): Wrap | undefined {
  const list = bareListOf(field);
  if (list !== undefined) {
    const items = fieldWrap(list);
    return (json) => ({ [list.jsonName]: items?.(json) ?? json });
  }
  const message = "message" in field ? field.message : undefined;
  const wrap = message === undefined || message.typeName.startsWith("google.protobuf.") ? undefined : wrapOf(message);
  if (wrap === undefined || field.fieldKind === "message") return wrap;
  if (field.fieldKind === "list") return (json) => (Array.isArray(json) ? json.map(wrap) : json);
  return (json) => (typeof json === "object" && json !== null && !Array.isArray(json) ? mapValues(json, wrap) : json);
}

function mapValues(json: { [key: string]: JsonValue }, map: (value: JsonValue, key: string) => JsonValue): JsonValue {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, map(value, key)]));
}
