// Members of a provider's items: ids, texts, and what is kept beside what is read.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../failures.ts";

/** Maximum length of a provider's item as JSON; an entry of the log takes 1 MiB. */
export const MAX_ITEM_LENGTH = 1000 * 1024;
export const MAX_ID_LENGTH = 128;

export function isId(id: JsonValue | undefined): id is string {
  return typeof id === "string" && id !== "" && id.length <= MAX_ID_LENGTH;
}

export function textsIn(parts: JsonValue | undefined): string[] {
  if (!Array.isArray(parts)) return [];
  return parts.flatMap((part) =>
    isObject(part) && typeof part.text === "string" && part.text !== "" ? [part.text] : [],
  );
}

/** What stands beside an item's fields. What is too long is left out. */
export function kept(rest: JsonObject): { providerJson?: string } {
  const json = JSON.stringify(rest);
  return json === "{}" || json.length > MAX_ITEM_LENGTH / 4 ? {} : { providerJson: json };
}
