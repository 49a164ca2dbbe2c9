// The rules of an item's members.
import { invalidField } from "../../../domain/errors.ts";
import type { MemberType } from "./item-types.ts";
import { type Members, textOf } from "./json-members.ts";

const MAX_CALL_ID = 64;
const MAX_NAME = 128;

const WORDS: Readonly<Record<MemberType, string>> = {
  string: "a string",
  array: "an array",
  object: "an object",
  boolean: "true or false",
  null: "null",
  call_id: "a string",
  name: "a string",
};

/** Throws INVALID_FIELD for a member that is missing, of another type, or too long. */
export function requireMembers(
  members: Members,
  required: Readonly<Record<string, readonly MemberType[]>>,
  place: string,
): void {
  for (const [name, types] of Object.entries(required)) {
    const json = members.get(name);
    const at = `${place}.${name}`;
    if (json === undefined) throw invalidField(at, "must be given", "required");
    const type = types.find((one) => isOf(one, json));
    if (type === undefined) {
      throw invalidField(at, `must be ${types.map((one) => WORDS[one]).join(" or ")}`, "json.type");
    }
    if (type === "call_id" || type === "name") requireLength(json, at, type === "call_id" ? MAX_CALL_ID : MAX_NAME);
  }
}

function requireLength(json: string, at: string, max: number): void {
  const length = [...(textOf(json) ?? "")].length;
  if (length < 1 || length > max) throw invalidField(at, `must be 1 to ${max} characters`, "string.len");
}

function isOf(type: MemberType, json: string): boolean {
  switch (type) {
    case "array":
      return json.startsWith("[");
    case "object":
      return json.startsWith("{");
    case "boolean":
      return json === "true" || json === "false";
    case "null":
      return json === "null";
    default:
      return json.startsWith('"');
  }
}
