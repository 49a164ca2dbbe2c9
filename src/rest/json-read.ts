// JSON bodies into messages.
import { type DescField, type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { messageFromJson, refuseNamesGivenTwice } from "../rpc/json-text.ts";
import { wrapOf } from "./bare-list.ts";
import { setField } from "./field-path.ts";
import { parse } from "./json-body.ts";
import { explain, type ReadOptions } from "./json-faults.ts";
import { refuseHugeNumbers } from "./json-numbers.ts";

export type { ReadOptions } from "./json-faults.ts";

/**
 * Reads a message. Names given twice are refused, as is nesting past 100 levels.
 * Throws a {@link RestProblem}: malformed if the text is no JSON, else invalid, with what broke which rule.
 */
export function readMessage(schema: DescMessage, text: string, options: ReadOptions): Message {
  refuseHugeNumbers(schema, text);
  try {
    return decode(schema, text, options);
  } catch {
    throw explain(schema, parseUnskipped(text, options), options, "");
  }
}

/** Reads the value of one field into a message. JSON null leaves it unset. Throws like {@link readMessage}. */
export function readField(
  target: Message,
  schema: DescMessage,
  field: DescField,
  text: string,
  options: ReadOptions,
): void {
  if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.")) {
    if (text.trim() === "null") return;
    refuseHugeNumbers(field.message, text, field.name);
    try {
      setField(target, field, decode(field.message, text, options));
    } catch {
      throw explain(field.message, parseUnskipped(text, options), options, field.name);
    }
    return;
  }
  const json = parse(text);
  const wrapped = `{${JSON.stringify(field.jsonName)}:${text}}`;
  refuseHugeNumbers(schema, wrapped);
  try {
    const read = decode(schema, wrapped, options) as unknown as Record<string, unknown>;
    const local = field.oneof?.localName ?? field.localName;
    if (Object.hasOwn(read, local)) (target as unknown as Record<string, unknown>)[local] = read[local];
  } catch {
    throw explain(schema, { [field.jsonName]: json }, options, "");
  }
}

function decode(schema: DescMessage, text: string, options: ReadOptions): Message {
  const wrap = wrapOf(schema);
  if (wrap === undefined && !mentions(text, options)) return messageFromJson(schema, text, options);
  refuseNamesGivenTwice(text);
  const json = parseUnskipped(text, options);
  return fromJson(schema, wrap?.(json) ?? json, options);
}

/** Whether a text may hold a name that is skipped. Most do not, and are read faster. */
function mentions(text: string, { skipped }: ReadOptions): boolean {
  for (const name of skipped ?? []) if (text.includes(`"${name}"`)) return true;
  return false;
}

/** The value of a text, without what is skipped. */
function parseUnskipped(text: string, { skipped }: ReadOptions): JsonValue {
  const json = parse(text);
  if (skipped === undefined || typeof json !== "object" || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([name]) => !skipped.has(name)));
}
