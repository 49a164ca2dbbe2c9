// Finds the values for which the decoder refuses a JSON body.
import {
  type DescField,
  type DescMessage,
  type DescOneof,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { enumInWords, scalarInWords } from "../../domain/type-words.ts";
import { fieldNamed } from "../field-named.ts";
import { WRONG_TYPE } from "../shape-fault.ts";
import { join, messagesIn, visible } from "./json-position.ts";
import { readJson } from "./json-values.ts";
import { nearestField } from "./nearest-field.ts";
import type { BareListOf } from "./walk/json-kinds.ts";

/** How the JSON is read that does not fit. */
export interface MisfitOptions {
  /** Whether names that are not fields are skipped, instead of refused. */
  readonly ignoreUnknownFields: boolean;
  /** What `google.protobuf.Any` may hold. */
  readonly registry?: Registry;
  /** Default: no field is written as a bare list. */
  readonly bareListOf?: BareListOf;
  /** What turns bare lists into the messages around them, for the decoder. */
  readonly wrapOf?: (schema: DescMessage) => ((json: JsonValue) => JsonValue) | undefined;
}

/** A value that does not fit. */
export interface Misfit {
  /** Where it stands, such as `messages[3].role`; empty: it is the whole body. */
  readonly field: string;
  /** What it must be: `must be a string`. */
  readonly description: string;
  /** The id of the rule, such as `json.type`. */
  readonly rule: string;
}

/** What a field must, or one of several fields that exclude each other. */
export const NOT_TWICE = "must not be set twice, nor with another of its alternatives";
/** Maximum number of misfits that are named. */
const MAX_MISFITS = 20;
/** The decoder's own limit of nested messages. */
const MAX_DEPTH = 100;

/**
 * The values that do not fit, the first 20. None: all of them fit. @param path where the value stands, empty for the
 * whole body
 */
export function misfitsOf(schema: DescMessage, json: JsonValue, options: MisfitOptions, path: string): Misfit[] {
  const search: Search = { options, misfits: [] };
  searchMessage(search, schema, json, path, 0);
  if (search.misfits.length === 0 && !fits(schema, json, options)) {
    report(search, path, `must be ${jsonOf(schema)}`, WRONG_TYPE);
  }
  return search.misfits;
}

interface Search {
  readonly options: MisfitOptions;
  readonly misfits: Misfit[];
}

function report({ misfits }: Search, field: string, description: string, rule: string): void {
  if (misfits.length === MAX_MISFITS) return;
  misfits.push({ field, description: field === "" ? `the body ${description}` : description, rule });
}

function fits(schema: DescMessage, json: JsonValue, options: MisfitOptions): boolean {
  try {
    readJson(schema, options.wrapOf?.(schema)?.(json) ?? json, options);
    return true;
  } catch {
    return false;
  }
}

/** Finds the innermost values that do not fit, asking the same decoder that refused the whole. */
function searchMessage(search: Search, schema: DescMessage, json: JsonValue, path: string, depth: number): void {
  const { options, misfits } = search;
  if (schema.typeName.startsWith("google.protobuf.")) {
    if (!fits(schema, json, options)) report(search, path, `must be ${jsonOf(schema)}`, WRONG_TYPE);
  } else if (typeof json !== "object" || json === null || Array.isArray(json)) {
    report(search, path, "must be an object", WRONG_TYPE);
  } else if (depth >= MAX_DEPTH) {
    report(search, path, `must be at most ${MAX_DEPTH} levels deep`, "json.depth");
  } else {
    const seen = new Set<DescField | DescOneof>();
    for (const [key, value] of Object.entries(json)) {
      if (misfits.length >= MAX_MISFITS) return;
      const field = fieldNamed(schema, key);
      const at = join(path, field?.name ?? visible(key));
      if (field !== undefined) searchField(search, { schema, field, key, value, path: at, depth, seen });
      else if (!options.ignoreUnknownFields) report(search, at, notAField(schema, key), "json.unknown");
    }
  }
}

/** Names the message, and the field that was meant, where one can be told. */
export function notAField(schema: DescMessage, key: string): string {
  const meant = nearestField(schema, key);
  return `is not a field of ${schema.name}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`;
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
  if (twice) report(search, path, NOT_TWICE, "json.unique");
  seen.add(field);
  if (field.oneof !== undefined && value !== null) seen.add(field.oneof);
  let searched = false;
  for (const [message, item, at] of messagesIn(field, value, path, search.options.bareListOf)) {
    if (search.misfits.length >= MAX_MISFITS) return;
    searchMessage(search, message, item, at, depth + 1);
    searched = true;
  }
  if (searched || fits(schema, { [key]: value }, search.options)) return;
  const [at, type] = innerFault(search, schema, field, key, value) ?? ["", nameOf(search, field, value)];
  report(search, path + at, `must be ${type}`, WRONG_TYPE);
}

/** The first value of a map, or of a list of enums, that does not fit: where it stands, and what it must be. */
function innerFault(search: Search, schema: DescMessage, field: DescField, key: string, value: JsonValue) {
  const misfits = (inner: JsonValue) => !fits(schema, { [key]: inner }, search.options);
  if (field.fieldKind === "list" && field.listKind === "enum" && Array.isArray(value)) {
    const index = value.findIndex((item) => misfits([item]));
    return index === -1 ? undefined : ([`[${index}]`, enumInWords(field.enum)] as const);
  }
  if (field.fieldKind !== "map" || !isObject(value)) return undefined;
  const [name] = Object.entries(value as JsonObject).find(([name, item]) => misfits({ [name]: item })) ?? [];
  const type = field.mapKind === "scalar" ? scalarOf(field.scalar, null) : undefined;
  return name === undefined || type === undefined ? undefined : ([`[${JSON.stringify(visible(name))}]`, type] as const);
}

/** What a field accepts, in words, for the error about a value that it does not accept. */
function nameOf({ options }: Search, field: DescField, value: JsonValue): string {
  if (field.fieldKind === "list" || options.bareListOf?.(field) !== undefined)
    return Array.isArray(value) ? "an array of the field's type" : "an array";
  if (field.fieldKind === "map") return isObject(value) ? "an object of the field's type" : "an object";
  if (field.fieldKind === "message") return jsonOf(field.message);
  if (field.fieldKind === "enum") return enumInWords(field.enum);
  return scalarOf(field.scalar, value);
}

function scalarOf(scalar: ScalarType, value: JsonValue): string {
  const words = scalarInWords(scalar);
  // JSON can write the half of a pair, which no text can hold.
  return scalar === ScalarType.STRING && typeof value === "string"
    ? `${words} without half of a surrogate pair`
    : words;
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
      return "field names in lowerCamelCase with commas between them";
    case "google.protobuf.ListValue":
      return "an array";
    default:
      return typeName.startsWith("google.protobuf.") && name !== "Struct" ? `the JSON of a ${name}` : "an object";
  }
}
