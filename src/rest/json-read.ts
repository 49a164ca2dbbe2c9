// JSON bodies into messages, and for those that do not fit, what is wrong and where.
import { isUtf8 } from "node:buffer";
import {
  type DescField,
  type DescMessage,
  type DescOneof,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { isTooDeep, MAX_JSON_DEPTH, messageFromJson, parseJson, refuseNamesGivenTwice } from "../rpc/json-text.ts";
import { bareListOf, wrapOf } from "./bare-list.ts";
import { fieldNamed, setField } from "./field-path.ts";
import { invalid, invalidAll, RestProblem, type Violation } from "./problem.ts";

export interface ReadOptions {
  /** Skip names that are no field, instead of refusing them. */
  readonly ignoreUnknownFields: boolean;
  /** What `google.protobuf.Any` may hold. */
  readonly registry?: Registry;
}

/** The most violations that one answer lists. */
const MAX_VIOLATIONS = 20;
/** The decoder's own limit of nested messages. */
const MAX_DEPTH = 100;

/** The text of a JSON body. A byte order mark is dropped (RFC 8259 §8.1 lets us). Throws a {@link RestProblem}. */
export function readText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new RestProblem("malformed", "the body must be UTF-8");
  const text = bytes.toString("utf8");
  if (isTooDeep(text))
    throw new RestProblem("malformed", `the body must be nested at most ${MAX_JSON_DEPTH} levels deep`);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * Reads a message. Names given twice are refused, as is nesting past 100 levels.
 * Throws a {@link RestProblem}: malformed if the text is no JSON, else invalid, with what broke which rule.
 */
export function readMessage(schema: DescMessage, text: string, options: ReadOptions): Message {
  refuseHugeNumbers(schema, text);
  try {
    return decode(schema, text, options);
  } catch {
    throw explain(schema, text, options, "");
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
      throw explain(field.message, text, options, field.name);
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
    throw explainValue(schema, { [field.jsonName]: json }, options, "");
  }
}

function decode(schema: DescMessage, text: string, options: ReadOptions): Message {
  const wrap = wrapOf(schema);
  if (wrap === undefined) return messageFromJson(schema, text, options);
  refuseNamesGivenTwice(text);
  return fromJson(schema, wrap(parse(text)), options);
}

function parse(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    // V8 quotes the input in its message: only the place may be told.
    const at = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw new RestProblem("malformed", `the body must be JSON${at === undefined ? "" : `: it breaks ${at}`}`);
  }
}

const FINITE = "must be a number that JSON can carry: not NaN, not infinite";
/** Only a large exponent or hundreds of digits can be more than a double holds. */
const MAYBE_HUGE = /[eE]\+?\d{3}|\d{300}/;

/** JSON.parse reads 1e400 as Infinity, which no JSON can carry again. */
function refuseHugeNumbers(schema: DescMessage, text: string, path = ""): void {
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

function explain(schema: DescMessage, text: string, options: ReadOptions, path: string): RestProblem {
  return explainValue(schema, parse(text), options, path);
}

function explainValue(schema: DescMessage, json: JsonValue, options: ReadOptions, path: string): RestProblem {
  const search: Search = { options, violations: [] };
  searchMessage(search, schema, json, path, 0);
  if (search.violations.length === 0) {
    // JSON.parse keeps the last of two equal names, so what fits now held one twice.
    if (fits(schema, json, options)) report(search, path, "must not hold a name twice", "json.unique");
    else report(search, path, `must be ${jsonOf(schema)}`, "json.type");
  }
  return invalidAll(search.violations);
}

interface Search {
  readonly options: ReadOptions;
  readonly violations: Violation[];
}

function report({ violations }: Search, field: string, description: string, rule: string): void {
  if (violations.length === MAX_VIOLATIONS) return;
  violations.push({ place: "body", field, description: field === "" ? `the body ${description}` : description, rule });
}

function fits(schema: DescMessage, json: JsonValue, options: ReadOptions): boolean {
  try {
    fromJson(schema, wrapOf(schema)?.(json) ?? json, options);
    return true;
  } catch {
    return false;
  }
}

/** Finds the innermost values that do not fit, asking the same decoder that refused the whole. */
function searchMessage(search: Search, schema: DescMessage, json: JsonValue, path: string, depth: number): void {
  const { options, violations } = search;
  if (schema.typeName.startsWith("google.protobuf.")) {
    if (!fits(schema, json, options)) report(search, path, `must be ${jsonOf(schema)}`, "json.type");
  } else if (typeof json !== "object" || json === null || Array.isArray(json)) {
    report(search, path, "must be an object", "json.type");
  } else if (depth >= MAX_DEPTH) {
    report(search, path, `must be at most ${MAX_DEPTH} levels deep`, "json.depth");
  } else {
    const seen = new Set<DescField | DescOneof>();
    for (const [key, value] of Object.entries(json)) {
      if (violations.length >= MAX_VIOLATIONS) return;
      const field = fieldNamed(schema, key);
      const at = join(path, field?.name ?? visible(key));
      if (field !== undefined) searchField(search, { schema, field, key, value, path: at, depth, seen });
      else if (!options.ignoreUnknownFields) report(search, at, "is not a field", "json.unknown");
    }
  }
}

interface Member {
  readonly schema: DescMessage;
  readonly field: DescField;
  readonly key: string;
  readonly value: JsonValue;
  readonly path: string;
  readonly depth: number;
  /** The fields and oneofs that the message has set before. */
  readonly seen: Set<DescField | DescOneof>;
}

// Each value is decoded once more at most: a hostile body must not make the search for its fault expensive.
function searchField(search: Search, { schema, field, key, value, path, depth, seen }: Member): void {
  const twice = seen.has(field) || (field.oneof !== undefined && value !== null && seen.has(field.oneof));
  if (twice) report(search, path, "must not be set twice, nor with another of its alternatives", "json.unique");
  seen.add(field);
  if (field.oneof !== undefined && value !== null) seen.add(field.oneof);
  let searched = false;
  for (const [message, item, at] of messagesIn(field, value, path)) {
    if (search.violations.length >= MAX_VIOLATIONS) return;
    searchMessage(search, message, item, at, depth + 1);
    searched = true;
  }
  if (!searched && !fits(schema, { [key]: value }, search.options)) {
    report(search, path, `must be ${nameOf(field, value)}`, "json.type");
  }
}

/** The messages that a field's value holds, each with its path, as far as the value has the field's shape. */
function* messagesIn(field: DescField, value: JsonValue, path: string): Generator<[DescMessage, JsonValue, string]> {
  const list = bareListOf(field);
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

/** What a field takes, in words, to whoever gave a value that it does not. */
function nameOf(field: DescField, value: JsonValue): string {
  if (field.fieldKind === "list" || bareListOf(field) !== undefined)
    return Array.isArray(value) ? "an array of the field's type" : "an array";
  if (field.fieldKind === "map") return isObject(value) ? "an object of the field's type" : "an object";
  if (field.fieldKind === "message") return jsonOf(field.message);
  if (field.fieldKind === "enum") return `a value of ${field.enum.name}`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return "a string";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "a string of base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    default:
      return `an integer that ${ScalarType[field.scalar].toLowerCase()} can hold`;
  }
}

function isObject(value: JsonValue): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How JSON writes a message, in words. */
function jsonOf({ typeName, name }: DescMessage): string {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return "a time such as 2026-01-31T12:00:00Z";
    case "google.protobuf.Duration":
      return "a number of seconds such as 1.5s";
    case "google.protobuf.FieldMask":
      return "the names of fields with commas between them";
    case "google.protobuf.ListValue":
      return "an array";
    default:
      return typeName.startsWith("google.protobuf.") && name !== "Struct" ? `the JSON of a ${name}` : "an object";
  }
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** A name from the body as it is shown: cut, and kept to one line of visible text. */
export function visible(name: string): string {
  const text = name.toWellFormed().replace(/[^\P{C}\u0020]/gu, "?");
  return text.length > 64 ? `${text.slice(0, 64).toWellFormed()}…` : text;
}
