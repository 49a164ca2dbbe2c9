// Encodes responses with a list that is kept encoded: the list is written once, and copied from then on.
import { create, type DescMessage, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { KeptList } from "../domain/protobuf/kept-list.ts";
import type { BinaryForm } from "./binary/protobuf-writer.ts";
import type { JsonForm } from "./json/json-writer.ts";

/**
 * The JSON of a response: bytes if the list was kept. A text with emoji has two bytes for each character, and would be
 * written anew for each response.
 */
export function jsonWithKept(form: JsonForm, json: JsonValue, kept: KeptList): string | Uint8Array {
  const { [kept.field]: items, ...others } = json as JsonObject;
  if (kept.encoded === undefined && items === undefined) return form.stringify(json);
  const rest = form.stringify(others);
  const start = `{"${kept.field}":`;
  const end = rest === "{}" ? "}" : `,${rest.slice(1)}`;
  if (kept.encoded !== undefined) return Buffer.concat([Buffer.from(start), kept.encoded, Buffer.from(end)]);
  const text = form.stringify(items as JsonValue);
  kept.keep(Buffer.from(text));
  return start + text + end;
}

/** The bytes of a response. */
export function binaryWithKept(form: BinaryForm, schema: DescMessage, response: Message, kept: KeptList): Uint8Array {
  let list = kept.encoded;
  if (list === undefined) {
    const items = (response as unknown as Readonly<Record<string, unknown>>)[kept.field];
    list = form(schema, Object.assign(create(schema), { [kept.field]: items }));
    kept.keep(list);
  }
  const rest = form(schema, { ...response, [kept.field]: [] } as Message);
  return rest.length === 0 ? list : Buffer.concat([list, rest]);
}
