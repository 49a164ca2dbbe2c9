// Explains why the decoder refused a JSON body, and where.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { fieldNamed } from "../../../../codec/field-named.ts";
import { readJson } from "../../../../codec/json-values.ts";
import { bareListOf, wrapOf } from "../../binding/bare-list.ts";
import { invalidAll, type RestProblem, type Violation } from "../../binding/problem.ts";
import { join, messagesIn, visible } from "./position.ts";

export interface ReadOptions {
  /** Skip names that are no field, instead of refusing them. */
  readonly ignoreUnknownFields: boolean;
  /** Names in the outermost object that are skipped, whatever they hold. Default: none. */
  readonly skipped?: ReadonlySet<string>;
  /** What `google.protobuf.Any` may hold. */
  readonly registry?: Registry;
}

/** Maximum number of violations that one answer lists. */
const MAX_VIOLATIONS = 20;
/** Maximum number of values of an enum that an answer names. */
const MAX_NAMED_VALUES = 10;
/** The decoder's own limit of nested messages. */
const MAX_DEPTH = 100;

/** The problem to tell of a value that does not fit. @param path where the value stands, empty for the whole body */
export function explain(schema: DescMessage, json: JsonValue, options: ReadOptions, path: string): RestProblem {
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
    readJson(schema, wrapOf(schema)?.(json) ?? json, options);
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
  if (searched || fits(schema, { [key]: value }, search.options)) return;
  const [at, type] = innerFault(search, schema, field, key, value) ?? ["", nameOf(field, value)];
  report(search, path + at, `must be ${type}`, "json.type");
}

/** The first value of a map, or of a list of enums, that does not fit: where it stands, and what it must be. */
function innerFault(search: Search, schema: DescMessage, field: DescField, key: string, value: JsonValue) {
  const misfits = (inner: JsonValue) => !fits(schema, { [key]: inner }, search.options);
  if (field.fieldKind === "list" && field.listKind === "enum" && Array.isArray(value)) {
    const index = value.findIndex((item) => misfits([item]));
    return index === -1 ? undefined : ([`[${index}]`, enumOf(field.enum)] as const);
  }
  if (field.fieldKind !== "map" || !isObject(value)) return undefined;
  const [name] = Object.entries(value as JsonObject).find(([name, item]) => misfits({ [name]: item })) ?? [];
  const type = field.mapKind === "scalar" ? scalarOf(field.scalar, null) : undefined;
  return name === undefined || type === undefined ? undefined : ([`[${JSON.stringify(visible(name))}]`, type] as const);
}

/** The values that an enum takes, without the one that stands for none. */
function enumOf({ name, values }: DescEnum): string {
  const named = values.filter(({ number }) => number !== 0).map((value) => value.name);
  return named.length > MAX_NAMED_VALUES ? `a value of ${name}` : `one of ${named.join(", ")}`;
}

/** What a field accepts, in words, for the error about a value that it does not accept. */
function nameOf(field: DescField, value: JsonValue): string {
  if (field.fieldKind === "list" || bareListOf(field) !== undefined)
    return Array.isArray(value) ? "an array of the field's type" : "an array";
  if (field.fieldKind === "map") return isObject(value) ? "an object of the field's type" : "an object";
  if (field.fieldKind === "message") return jsonOf(field.message);
  if (field.fieldKind === "enum") return `a value of ${field.enum.name}`;
  return scalarOf(field.scalar, value);
}

function scalarOf(scalar: ScalarType, value: JsonValue): string {
  switch (scalar) {
    case ScalarType.STRING:
      // JSON can write the half of a pair, which no text can hold.
      return typeof value === "string" ? "a string without half of a surrogate pair" : "a string";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "a string of base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    default:
      return `an integer that ${ScalarType[scalar].toLowerCase()} can hold`;
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
