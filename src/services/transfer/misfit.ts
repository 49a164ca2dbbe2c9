// What is wrong with a line that is JSON, and no record.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../gen/colloquy/v1/record_pb.ts";
import { type Json, parseJson } from "../../domain/json.ts";

const NO_RECORD = "is no record in JSON";

/** Names the first field that holds something else where an object belongs. It tells nothing of the values. */
export function misfit(line: string): string {
  // Of very many lines that are no JSON at all none is parsed again.
  if (!line.startsWith("{")) return NO_RECORD;
  try {
    return misfitIn(RecordSchema, parseJson(line), "") ?? NO_RECORD;
  } catch {
    return NO_RECORD;
  }
}

function misfitIn(schema: DescMessage, json: Json, path: string): string | undefined {
  if (schema.typeName.startsWith("google.protobuf.") || json === null) return undefined;
  if (typeof json !== "object" || Array.isArray(json)) return path === "" ? undefined : `${path}: must be an object`;
  for (const [name, value] of Object.entries(json)) {
    const field = schema.fields.find((known) => known.jsonName === name || known.name === name);
    const fault = field?.message === undefined ? undefined : misfitAt(field, field.message, value, path);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function misfitAt(field: DescField, schema: DescMessage, value: Json, before: string): string | undefined {
  const path = before === "" ? field.name : `${before}.${field.name}`;
  if (field.fieldKind === "message") return misfitIn(schema, value, path);
  if (field.fieldKind !== "list" || !Array.isArray(value)) return undefined;
  for (const [index, item] of value.entries()) {
    const fault = misfitIn(schema, item, `${path}[${index}]`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
