// Makes an example from a schema, the same each time, valid against the schema.

import type { Json, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import { sampleOf } from "./pattern-sample.ts";

const UUID = "0199a2b4-7c1e-7b3a-9c55-3f1d2a6b8c90";

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T09:30:00Z",
  email: "ada@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/a",
  "uri-reference": "/a",
  uuid: UUID,
};

const MAX_DEPTH = 6;

export interface ExampleContext {
  /** Finds the schema that a reference names. */
  readonly resolve: (ref: string) => Schema;
  /** Whether the example is of something that a client sends: then it has nothing that only the server sets. */
  readonly sent: boolean;
}

/**
 * @param name the name of what is exemplified, from which strings are made.
 * @returns undefined if none was found.
 */
export function exampleOf(schema: Schema, context: ExampleContext, name = ""): Json | undefined {
  return sample(schema, context, name, new Map());
}

function sample(
  schema: Schema,
  context: ExampleContext,
  name: string,
  seen: ReadonlyMap<string, number>,
): Json | undefined {
  if (schema.$ref !== undefined) {
    const times = (seen.get(schema.$ref) ?? 0) + 1;
    if (times > 1 || seen.size > MAX_DEPTH) return undefined;
    const { $ref, ...siblings } = schema;
    const target = { ...context.resolve($ref), ...siblings };
    return sample(target, context, name, new Map(seen).set($ref, times));
  }
  const given = schema.examples?.[0];
  if (given !== undefined) return given;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return sampleEnum(schema);
  // An alternative after the first is the one that says something: the first allows the zero value, or null is the
  // last.
  const { anyOf, ...rest } = schema;
  if (anyOf !== undefined) {
    const choice = anyOf.find((part) => part.type !== "null" && !("const" in part)) ?? anyOf[0] ?? {};
    return sample({ ...rest, ...choice }, context, name, seen);
  }
  const types = [schema.type ?? []].flat();
  switch (types.find((type) => type !== "null")) {
    case "object":
      return sampleObject(schema, context, seen);
    case "array":
      if (types.length > 2) return "any JSON";
      return sampleArray(schema, context, name, seen);
    case "string":
      return sampleString(schema, name);
    case "integer":
    case "number":
      return sampleNumber(schema);
    case "boolean":
      return true;
    default:
      return types.includes("null") ? null : {};
  }
}

function sampleEnum(schema: Schema): Json | undefined {
  const refused = schema.not?.enum ?? [];
  const allowed = schema.enum?.filter((value) => !refused.includes(value)) ?? [];
  return allowed.find((value) => typeof value !== "string" || !value.endsWith("_UNSPECIFIED")) ?? allowed[0];
}

function sampleObject(schema: Schema, context: ExampleContext, seen: ReadonlyMap<string, number>): Json | undefined {
  const result: { [key: string]: Json } = {};
  const required = new Set(schema.required);
  const left = leftOut(schema);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (left.has(key) || (context.sent && property.readOnly)) continue;
    if (property.deprecated && !required.has(key)) continue;
    const value = sample(property, context, key, seen);
    // Null says no more than leaving it out.
    if (value === null && !required.has(key)) continue;
    if (value !== undefined) result[key] = value;
    else if (required.has(key)) return undefined;
  }
  const { additionalProperties } = schema;
  if (typeof additionalProperties === "object") {
    const key = schema.propertyNames === undefined ? "key" : sampleString(schema.propertyNames, "key");
    const value = sample(additionalProperties, context, "value", seen);
    if (value !== undefined && key !== undefined && (schema.maxProperties ?? 1) > 0) result[key] = value;
  }
  return Object.keys(result).length < (schema.minProperties ?? 0) ? undefined : result;
}

/** Of the fields of a oneof, all but the first. */
function leftOut(schema: Schema): ReadonlySet<string> {
  const groups = [schema, ...(schema.allOf ?? [])].map((part) => part.oneOf ?? []);
  const rest = groups.flatMap((group) => group.slice(1).flatMap((choice) => choice.required ?? []));
  const firsts = new Set(groups.flatMap((group) => group[0]?.required ?? []));
  return new Set(rest.filter((key) => !firsts.has(key)));
}

function sampleArray(
  schema: Schema,
  context: ExampleContext,
  name: string,
  seen: ReadonlyMap<string, number>,
): Json | undefined {
  const { minItems = 0, maxItems = 1, items = {} } = schema;
  if (maxItems === 0) return [];
  const item = sample(items, context, name.replace(/s$/, ""), seen);
  if (item === undefined) return minItems > 0 ? undefined : [];
  if (minItems <= 1) return [item];
  if (!schema.uniqueItems) return Array.from({ length: minItems }, () => item);
  const distinct = distinctItems(item, items, minItems);
  return distinct.length < minItems ? undefined : distinct;
}

function distinctItems(item: Json, items: Schema, count: number): Json[] {
  if (items.enum !== undefined) return items.enum.slice(0, count);
  if (typeof item === "number") return Array.from({ length: count }, (_, index) => item + index);
  if (typeof item !== "string" || items.format !== undefined || items.pattern !== undefined) return [item];
  return Array.from({ length: count }, (_, index) => `${item.slice(0, (items.maxLength ?? 64) - 3)}${index + 1}`);
}

function sampleNumber({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, type, not }: Schema): number {
  const integer = [type].flat().includes("integer");
  const low = Math.max(
    minimum ?? -Infinity,
    exclusiveMinimum === undefined ? -Infinity : exclusiveMinimum + (integer ? 1 : 0.5),
  );
  const high = Math.min(
    maximum ?? Infinity,
    exclusiveMaximum === undefined ? Infinity : exclusiveMaximum - (integer ? 1 : 0.5),
  );
  let value = Math.min(Math.max(1, low), high);
  if (low > high) value = ((exclusiveMinimum ?? minimum ?? 0) + (exclusiveMaximum ?? maximum ?? 0)) / 2;
  while (not?.enum?.includes(value)) value += 1;
  return value;
}

function sampleString(schema: Schema, name: string): string | undefined {
  const { format, contentEncoding } = schema;
  const formatted = format === undefined ? undefined : FORMATS[format];
  const patterns = [schema, ...(schema.allOf ?? [])].flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern]));
  const candidates = [
    formatted,
    contentEncoding === "base64" ? sized("AAAA", schema, "A") : undefined,
    /(^id|Id|_id|Ids|_ids)$/.test(name) ? UUID : undefined,
    sized(name || "text", schema, "x"),
    "1",
    "1.5s",
    ...patterns.map(sampleOf),
    joined(patterns),
  ];
  return candidates.find((candidate) => candidate !== undefined && fits(candidate, schema, patterns));
}

function sized(text: string, { minLength = 0, maxLength = Infinity }: Schema, filler: string): string {
  return text.padEnd(minLength, filler).slice(0, maxLength);
}

// A prefix and a suffix rule together.
function joined(patterns: readonly string[]): string | undefined {
  const prefix = patterns.find((pattern) => pattern.startsWith("^"));
  const rest = patterns.filter((pattern) => pattern !== prefix);
  const parts = [...(prefix === undefined ? [] : [prefix]), ...rest].map(sampleOf);
  return parts.includes(undefined) ? undefined : parts.join("");
}

function fits(text: string, schema: Schema, patterns: readonly string[]): boolean {
  const { minLength = 0, maxLength = Infinity, not } = schema;
  const length = [...text].length;
  if (length < minLength || length > maxLength) return false;
  if (not?.enum?.includes(text)) return false;
  const refused = [not, ...(not?.anyOf ?? [])].flatMap((part) => part?.pattern ?? []);
  if (refused.some((pattern) => new RegExp(pattern, "u").test(text))) return false;
  return patterns.every((pattern) => new RegExp(pattern, "u").test(text));
}
