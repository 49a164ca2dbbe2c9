// Explains why a line of an import is not a record.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../gen/colloquy/v1/record_pb.ts";
import { type Json, parseJson } from "../../domain/json.ts";

const NO_RECORD = "is no record in JSON";

/** Names the first field whose value should be an object and is not. Shows no values. */
export function recordFault(line: string): string {
  // Lines that cannot be JSON objects are not parsed a second time.
  if (!line.startsWith("{")) return NO_RECORD;
  try {
    return faultIn(RecordSchema, parseJson(line), "") ?? NO_RECORD;
  } catch {
    return NO_RECORD;
  }
}

function faultIn(schema: DescMessage, json: Json, path: string): string | undefined {
  if (schema.typeName.startsWith("google.protobuf.") || json === null) return undefined;
  if (typeof json !== "object" || Array.isArray(json)) return path === "" ? undefined : `${path}: must be an object`;
  for (const [name, value] of Object.entries(json)) {
    const field = schema.fields.find((known) => known.jsonName === name || known.name === name);
    const fault = field?.message === undefined ? undefined : faultAt(field, field.message, value, path);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultAt(field: DescField, schema: DescMessage, value: Json, before: string): string | undefined {
  const path = before === "" ? field.name : `${before}.${field.name}`;
  if (field.fieldKind === "message") return faultIn(schema, value, path);
  if (field.fieldKind !== "list" || !Array.isArray(value)) return undefined;
  for (const [index, item] of value.entries()) {
    const fault = faultIn(schema, item, `${path}[${index}]`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
