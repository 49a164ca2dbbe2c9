// Numbers that JSON can say and no double can hold.
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { fieldNamed } from "../../binding/field-path.ts";
import { invalid } from "../../binding/problem.ts";
import { parse } from "./body.ts";
import { join, messagesIn, visible } from "./position.ts";

const FINITE = "must be a number that JSON can carry: not NaN, not infinite";
/** Only a large exponent or hundreds of digits can be more than a double holds. */
const MAYBE_HUGE = /[eE]\+?\d{3}|\d{300}/;

/** JSON.parse reads 1e400 as Infinity, which no JSON can carry again. */
export function refuseHugeNumbers(schema: DescMessage, text: string, path = ""): void {
  if (!MAYBE_HUGE.test(text)) return;
  const json = parse(text);
  if (!holdsHuge(json)) return;
  throw invalid("body", hugeAt(schema, json, path), FINITE, "number.finite");
}

function holdsHuge(json: JsonValue): boolean {
  const rest: JsonValue[] = [json];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (typeof value === "number" && !Number.isFinite(value)) return true;
    if (typeof value === "object" && value !== null)
      for (const item of Object.values(value)) rest.push(item as JsonValue);
  }
  return false;
}

/** The path of the field that holds the number. */
function hugeAt(schema: DescMessage, json: JsonValue, path: string): string {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return path;
  const [key, value] = Object.entries(json).find(([, item]) => holdsHuge(item as JsonValue)) ?? [];
  if (key === undefined || schema.typeName.startsWith("google.protobuf.")) return path;
  const field = fieldNamed(schema, key);
  const at = join(path, field?.name ?? visible(key));
  for (const [message, item, inner] of field === undefined ? [] : messagesIn(field, value as JsonValue, at)) {
    if (holdsHuge(item)) return hugeAt(message, item, inner);
  }
  return at;
}
