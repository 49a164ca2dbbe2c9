// Reads JSON bodies into messages.
import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { messageFromJson, refuseNamesGivenTwice } from "../../../../codec/json-reader.ts";
import { refuseInexactNumbers } from "../../../../codec/json-shape.ts";
import { readJson } from "../../../../codec/json-values.ts";
import { type BrokenPiece, readLargeJson } from "../../../../codec/large-json.ts";
import { ShapeFault } from "../../../../codec/shape-fault.ts";
import { withImpliedMask } from "../../../../pipeline/call/implied-mask.ts";
import { bareListOf, wrapOf } from "../../binding/bare-list.ts";
import { holdsFields, setField } from "../../binding/field-path.ts";
import { invalid, RestProblem } from "../../binding/problem.ts";
import { parse } from "./body.ts";
import { explain, type ReadOptions } from "./errors.ts";
import { join } from "./position.ts";

export type { ReadOptions } from "./errors.ts";

/**
 * Reads a message. Names given twice are refused, as is nesting past 100 levels, and numbers that a double cannot hold.
 * Throws a {@link RestProblem}: malformed if the text is no JSON, else invalid, with what broke which rule.
 *
 * @param path where the message stands in the request, empty for the whole body
 */
export function readMessage(schema: DescMessage, text: string, options: ReadOptions, path = ""): Message {
  try {
    refuseInexactNumbers(schema, text, { ...options, finite: true, bareListOf });
  } catch (error) {
    throw error instanceof ShapeFault ? problemOf(error, path) : error;
  }
  try {
    return decode(schema, text, options);
  } catch {
    throw explain(schema, parseUnskipped(text, options), options, path);
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
      finite: true,
      bareListOf,
      read(desc, piece) {
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
  if (holdsFields(field)) {
    if (text.trim() !== "null") setField(target, field, readMessage(field.message, text, options, field.name));
    return;
  }
  // What breaks it is told where it stands in the body.
  parse(text);
  take(field, readMessage(schema, wrapped(field, text), options), target);
}

/** What {@link readLargeMessage} is to {@link readMessage}. */
export async function readLargeField(
  target: Message,
  schema: DescMessage,
  field: DescField,
  text: string,
  options: ReadOptions,
): Promise<void> {
  if (holdsFields(field)) {
    if (text.trim() === "null") return;
    setField(target, field, await readLargeMessage(field.message, text, options, field.name));
    return;
  }
  take(field, await readLargeMessage(schema, wrapped(field, text), options), target);
}

/** The message that has nothing but this field, as JSON. */
function wrapped({ jsonName }: DescField, text: string): string {
  return `{${JSON.stringify(jsonName)}:${text}}`;
}

function take({ oneof, localName }: DescField, from: Message, to: Message): void {
  const name = oneof?.localName ?? localName;
  if (Object.hasOwn(from, name)) (to as unknown as Fields)[name] = (from as unknown as Fields)[name];
}

type Fields = Record<string, unknown>;

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
