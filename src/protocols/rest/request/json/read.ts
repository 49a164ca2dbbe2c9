// JSON bodies into messages.
import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { messageFromJson, refuseNamesGivenTwice } from "../../../../codec/json-reader.ts";
import { refuseInexactNumbers } from "../../../../codec/json-shape.ts";
import { readJson } from "../../../../codec/json-values.ts";
import { type BrokenPiece, readLargeJson } from "../../../../codec/large-json.ts";
import { ShapeFault } from "../../../../codec/shape-fault.ts";
import { withImpliedMask } from "../../../../pipeline/implied-mask.ts";
import { bareListOf, wrapOf } from "../../binding/bare-list.ts";
import { setField } from "../../binding/field-path.ts";
import { invalid, RestProblem } from "../../binding/problem.ts";
import { parse } from "./body.ts";
import { explain, type ReadOptions } from "./errors.ts";
import { refuseHugeNumbers } from "./numbers.ts";
import { join } from "./position.ts";

export type { ReadOptions } from "./errors.ts";

/**
 * Reads a message. Names given twice are refused, as is nesting past 100 levels.
 * Throws a {@link RestProblem}: malformed if the text is no JSON, else invalid, with what broke which rule.
 */
export function readMessage(schema: DescMessage, text: string, options: ReadOptions): Message {
  refuseHugeNumbers(schema, text);
  let message: Message;
  try {
    message = decode(schema, text, options);
  } catch {
    throw explain(schema, parseUnskipped(text, options), options, "");
  }
  refuseInexact(schema, text, options);
  return message;
}

function refuseInexact(schema: DescMessage, text: string, options: ReadOptions, path = ""): void {
  try {
    refuseInexactNumbers(schema, text, { ...options, bareListOf });
  } catch (error) {
    throw error instanceof ShapeFault ? problemOf(error, path) : error;
  }
}

/** Reads what {@link readMessage} reads, piece by piece, while others have turns: a text that is long. */
export async function readLargeMessage(
  schema: DescMessage,
  text: string,
  options: ReadOptions,
  path = "",
): Promise<Message> {
  try {
    return await readLargeJson(schema, text, {
      ...options,
      bareListOf,
      read(desc, piece) {
        refuseHugeNumbers(desc, piece, path);
        const json = parse(withImpliedMask(desc, piece));
        return readJson(desc, wrapOf(desc)?.(json) ?? json, options);
      },
      explain: (error, piece) => explainPiece(error, piece, options, path),
    });
  } catch (error) {
    throw error instanceof ShapeFault ? problemOf(error, path) : error;
  }
}

/** What is wrong with the shape of a large body, as with any body. */
function problemOf({ field, message, rule }: ShapeFault, path: string): RestProblem {
  if (rule === undefined) return new RestProblem("malformed", message);
  const place = field === "" ? path : join(path, field);
  return invalid("body", place, place === "" ? `the body ${message}` : message, rule);
}

function explainPiece(error: unknown, { path, index, schema, text }: BrokenPiece, options: ReadOptions, at: string) {
  if (error instanceof RestProblem) return error;
  const names = path
    .filter((field, i) => i === 0 || bareListOf(path[i - 1] as DescField) !== field)
    .map(({ name }) => name);
  const place = names.length === 0 ? at : `${join(at, names.join("."))}[${index}]`;
  return explain(schema, parse(text), options, place);
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
    let value: Message;
    try {
      value = decode(field.message, text, options);
    } catch {
      throw explain(field.message, parseUnskipped(text, options), options, field.name);
    }
    refuseInexact(field.message, text, options, field.name);
    setField(target, field, value);
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
  refuseInexact(schema, wrapped, options);
}

/** What {@link readLargeMessage} is to {@link readMessage}. */
export async function readLargeField(
  target: Message,
  schema: DescMessage,
  field: DescField,
  text: string,
  options: ReadOptions,
): Promise<void> {
  if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.")) {
    if (text.trim() !== "null")
      setField(target, field, await readLargeMessage(field.message, text, options, field.name));
    return;
  }
  const wrapped = `{${JSON.stringify(field.jsonName)}:${text}}`;
  const read = (await readLargeMessage(schema, wrapped, options)) as unknown as Record<string, unknown>;
  const local = field.oneof?.localName ?? field.localName;
  if (Object.hasOwn(read, local)) (target as unknown as Record<string, unknown>)[local] = read[local];
}

function decode(schema: DescMessage, text: string, options: ReadOptions): Message {
  const wrap = wrapOf(schema);
  if (wrap === undefined && !mentions(text, options)) return messageFromJson(schema, text, options);
  refuseNamesGivenTwice(schema, text);
  const json = parseUnskipped(text, options);
  return readJson(schema, wrap?.(json) ?? json, options);
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
