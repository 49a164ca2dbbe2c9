// String fields that REST writes as the JSON values that they hold: the option `raw_json`.
import { type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { field as restField } from "../../../../gen/colloquy/rest/v1/options_pb.ts";

/** Whether a field has the option `raw_json`. */
export function isRawJson(field: DescField): boolean {
  if (!hasOption(field, restField) || !getOption(field, restField).rawJson) return false;
  const isText = (field.fieldKind === "scalar" || field.fieldKind === "list") && field.scalar === ScalarType.STRING;
  if (!isText) throw new Error(`${field}: raw_json is for a string field, or a repeated one`);
  return true;
}

/** What of a message's JSON must be looked at, by name: its raw fields, and those whose messages have some. */
export type RawFields = ReadonlyMap<string, RawField>;

export interface RawField {
  readonly field: DescField;
  /** Undefined: the field itself is raw. */
  readonly inner: RawFields | undefined;
}

const known = new WeakMap<DescMessage, RawFields>();

/** Empty where neither the message nor any within it has a raw field. */
export function rawFieldsOf(schema: DescMessage): RawFields {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const fields = new Map<string, RawField>();
  // Known before it is filled: a message may hold itself.
  known.set(schema, fields);
  if (schema.typeName.startsWith("google.protobuf.")) return fields;
  for (const field of schema.fields) {
    const raw = isRawJson(field);
    const inner = raw ? undefined : innerOf(field);
    if (!raw && (inner === undefined || inner.size === 0)) continue;
    fields.set(field.jsonName, { field, inner });
    fields.set(field.name, { field, inner });
  }
  return fields;
}

function innerOf(field: DescField): RawFields | undefined {
  const holds = field.fieldKind === "message" || field.fieldKind === "list";
  return holds && field.message !== undefined ? rawFieldsOf(field.message) : undefined;
}
