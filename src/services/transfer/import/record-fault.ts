// Explains why a line of an import is not a record.
import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../../gen/colloquy/v1/record_pb.ts";
import { fieldNamed } from "../../../codec/field-named.ts";
import { misfitsOf, NOT_TWICE, notAField } from "../../../codec/json/json-misfits.ts";
import { join, visible } from "../../../codec/json/json-position.ts";
import { LARGE_BODY } from "../../../codec/json/walk/large-json.ts";
import { type Json, parseJson } from "../../../domain/json.ts";

const NO_RECORD = "is no record in JSON";

/** Names the first field that does not fit, and the rule. Shows no values. */
export function recordFault(line: string): string {
  // Lines that cannot be JSON objects are not parsed a second time.
  if (!line.startsWith("{")) return NO_RECORD;
  try {
    const json = parseJson(line);
    // The search decodes all values again: too much at once of a long line, whose names alone are looked at.
    if (line.length > LARGE_BODY) return faultIn(RecordSchema, json, "") ?? NO_RECORD;
    const [misfit] = misfitsOf(RecordSchema, json, { ignoreUnknownFields: false }, "");
    return misfit === undefined || misfit.field === "" ? NO_RECORD : `${misfit.field}: ${misfit.description}`;
  } catch {
    return NO_RECORD;
  }
}

/** The first name that does not belong there, or value that should be an object and is not. */
function faultIn(schema: DescMessage, json: Json, path: string): string | undefined {
  if (schema.typeName.startsWith("google.protobuf.") || json === null) return undefined;
  if (typeof json !== "object" || Array.isArray(json)) return path === "" ? undefined : `${path}: must be an object`;
  const seen = new Set<DescField | DescOneof>();
  for (const [name, value] of Object.entries(json)) {
    const field = fieldNamed(schema, name);
    const at = join(path, field?.name ?? visible(name));
    if (field === undefined) return `${at}: ${notAField(schema, name)}`;
    const choice = value === null ? field : (field.oneof ?? field);
    if (seen.has(choice)) return `${at}: ${NOT_TWICE}`;
    seen.add(choice);
    const fault = field.message === undefined ? undefined : faultAt(field, field.message, value, at);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultAt(field: DescField, schema: DescMessage, value: Json, path: string): string | undefined {
  if (field.fieldKind === "message") return faultIn(schema, value, path);
  if (field.fieldKind !== "list" || !Array.isArray(value)) return undefined;
  for (const [index, item] of value.entries()) {
    const fault = faultIn(schema, item, `${path}[${index}]`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
