// The position of a fault in a JSON body, as error messages show it.
import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { BareListOf } from "./walk/json-kinds.ts";

/** The messages that a field's value holds, each with its path, as far as the value has the field's shape. */
export function* messagesIn(
  field: DescField,
  value: JsonValue,
  path: string,
  bareListOf?: BareListOf,
): Generator<[DescMessage, JsonValue, string]> {
  const list = bareListOf?.(field);
  if (list !== undefined) {
    yield* messagesIn(list, value, path);
    return;
  }
  const message = "message" in field ? field.message : undefined;
  if (message === undefined || value === null || typeof value !== "object") return;
  if (field.fieldKind === "message") yield [message, value, path];
  else if (field.fieldKind === "list" && Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield [message, item, `${path}[${i}]`];
  } else if (field.fieldKind === "map" && !Array.isArray(value)) {
    for (const [name, item] of Object.entries(value))
      yield [message, item, `${path}[${JSON.stringify(visible(name))}]`];
  }
}

export function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** A name from the body as it is shown: cut, and kept to one line of visible text. */
export function visible(name: string): string {
  const text = name.toWellFormed().replace(/[^\P{C}\u0020]/gu, "?");
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text;
}
