// Reads JSON bodies into messages.
import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { join } from "../../../../codec/json/json-position.ts";
import { messageFromJson, refuseNamesGivenTwice } from "../../../../codec/json/json-reader.ts";
import { readJson } from "../../../../codec/json/json-values.ts";
import { refuseInexactNumbers, shapeFaultOf } from "../../../../codec/json/walk/json-shape.ts";
import { type BrokenPiece, readLargeJson } from "../../../../codec/json/walk/large-json.ts";
import { NAME_TWICE, ShapeFault } from "../../../../codec/shape-fault.ts";
import { withImpliedMask } from "../../../../pipeline/call/implied-mask.ts";
import { bareListOf, wrapOf } from "../../binding/bare-list.ts";
import { holdsFields, setField } from "../../binding/field-path.ts";
import { invalidAll, RestProblem } from "../../binding/problem.ts";
import { parse } from "./body.ts";
import { explain, type ReadOptions } from "./errors.ts";

export type { ReadOptions } from "./errors.ts";

/**
 * Reads a message. Names given twice are refused, as is nesting past 100 levels, and numbers that a double cannot hold.
 * Throws a {@link RestProblem}: malformed if the text is not JSON, else invalid, with each broken rule.
 *
 * @param path where the message stands in the request, empty for the whole body
 */
export function readMessage(schema: DescMessage, text: string, options: ReadOptions, path = ""): Message {
  try {
    refuseInexactNumbers(schema, text, { ...options, finite: true, bareListOf });
  } catch (error) {
    throw error instanceof ShapeFault ? problemOf(error, options, path) : error;
  }
  try {
    return decode(schema, text, options);
  } catch {
    throw explain(schema, parseUnskipped(text, options), options, path) ?? twiceNamed(schema, text, options, path);
  }
}

const SOME_NAME_TWICE = "must not hold a name twice";

/** JSON.parse keeps the last of two equal names, so a body that fits once it is parsed held one twice. */
function twiceNamed(schema: DescMessage, text: string, options: ReadOptions, path: string): RestProblem {
  const fault = options.ignoreUnknownFields ? undefined : shapeFaultOf(schema, text, { ...options, bareListOf });
  return problemOf(fault ?? new ShapeFault(SOME_NAME_TWICE, "", NAME_TWICE), options, path);
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
    throw error instanceof ShapeFault ? problemOf(error, options, path) : error;
  }
}

/** What is wrong with the shape of a large body, as with any body. */
function problemOf(fault: ShapeFault, { ignoreUnknownFields }: ReadOptions, path: string): RestProblem {
  const { field, rule } = fault;
  // APIs that pass over unknown names keep the words that they have always had.
  const message = rule === NAME_TWICE && ignoreUnknownFields ? SOME_NAME_TWICE : fault.message;
  if (rule === undefined) return new RestProblem("malformed", message);
  const place = field === "" ? path : join(path, field);
  const description = place === "" ? `the body ${message}` : message;
  return invalidAll([{ place: "body", field: place, description, rule }]);
}

function explainPiece(error: unknown, { path, index, schema, text }: BrokenPiece, options: ReadOptions, at: string) {
  if (error instanceof RestProblem) return error;
  const names = path
    .filter((field, i) => i === 0 || bareListOf(path[i - 1] as DescField) !== field)
    .map(({ name }) => name);
  const place = names.length === 0 ? at : `${join(at, names.join("."))}[${index}]`;
  return explain(schema, parse(text), options, place) ?? error;
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
  // A broken rule is reported with its position in the body.
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
