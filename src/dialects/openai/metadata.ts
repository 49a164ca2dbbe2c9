// Metadata: pairs of text here, free JSON in the contract.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { invalidField } from "../../domain/errors.ts";

const MAX_PAIRS = 16;
const MAX_KEY = 64;
const MAX_VALUE = 512;

/** Checks metadata as clients send it, null for none. Throws INVALID_FIELD. */
export function checkMetadata(value: unknown): Record<string, string> {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw invalidField("metadata", "must be an object of strings", "json.type");
  }
  const pairs = Object.entries(value as object);
  if (pairs.length > MAX_PAIRS) throw invalidField("metadata", `must have at most ${MAX_PAIRS} pairs`, "map.max_pairs");
  for (const [key, text] of pairs) {
    if ([...key].length > MAX_KEY) {
      throw invalidField("metadata", `must have keys of at most ${MAX_KEY} characters`, "string.max_len");
    }
    if (typeof text !== "string") throw invalidField(`metadata.${key}`, "must be a string", "json.type");
    if ([...text].length > MAX_VALUE) {
      throw invalidField(`metadata.${key}`, `must be at most ${MAX_VALUE} characters`, "string.max_len");
    }
  }
  return Object.fromEntries(pairs);
}

/** What other APIs wrote may be more than text. */
export function toMetadata(metadata: JsonObject): Record<string, string> {
  const text = (value: JsonValue) => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, text(value)]));
}
