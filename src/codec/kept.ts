// Encodes responses with a list that is kept encoded: the list is written once, and copied from then on.
import { create, type DescMessage, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { KeptList } from "../domain/protobuf/kept-list.ts";
import type { BinaryForm } from "./binary/protobuf-writer.ts";
import type { JsonForm } from "./json/json-writer.ts";

/** The text of a response. */
export function jsonWithKept(form: JsonForm, json: JsonValue, kept: KeptList): string {
  const { [kept.field]: items, ...others } = json as JsonObject;
  let text = kept.encoded as string | undefined;
  if (text === undefined) {
    if (items === undefined) return form.stringify(json);
    text = form.stringify(items);
    kept.keep(text);
  }
  const rest = form.stringify(others);
  return `{"${kept.field}":${text}${rest === "{}" ? "" : ","}${rest.slice(1)}`;
}

/** The bytes of a response. */
export function binaryWithKept(form: BinaryForm, schema: DescMessage, response: Message, kept: KeptList): Uint8Array {
  let list = kept.encoded as Uint8Array | undefined;
  if (list === undefined) {
    const items = (response as unknown as Readonly<Record<string, unknown>>)[kept.field];
    list = form(schema, Object.assign(create(schema), { [kept.field]: items }));
    kept.keep(list);
  }
  const rest = form(schema, { ...response, [kept.field]: [] } as Message);
  return rest.length === 0 ? list : Buffer.concat([list, rest]);
}
