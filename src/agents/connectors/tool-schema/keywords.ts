// A JSON schema of any dialect, or with mistakes, as one of draft 2020-12 without them.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

const TYPES = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);

type Read = (value: JsonValue) => JsonValue | undefined;

const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const schema: Read = (value) => (isObject(value) ? mended(value) : typeof value === "boolean" ? value : undefined);
const schemas: Read = (value) => (isObject(value) ? eachOf(value, schema) : undefined);
const list: Read = (value) => {
  const all = Array.isArray(value) ? value.map(schema).filter((one) => one !== undefined) : [];
  return all.length > 0 ? all : undefined;
};
const text: Read = (value) => (typeof value === "string" ? value : undefined);
const flag: Read = (value) => (typeof value === "boolean" ? value : undefined);
const number: Read = (value) => (typeof value === "number" ? value : undefined);
const count: Read = (value) => (typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined);
const names: Read = (value) =>
  Array.isArray(value) ? [...new Set(value.filter((name) => typeof name === "string"))] : undefined;
/** What it points at is looked for afterwards: see root.ts. */
const reference: Read = (value) => (typeof value === "string" ? value : undefined);
const pattern: Read = (value) => {
  try {
    return typeof value === "string" && new RegExp(value, "u") ? value : undefined;
  } catch {
    return undefined;
  }
};
const type: Read = (value) => {
  const known = [value].flat().map((name) => (typeof name === "string" ? name.toLowerCase() : ""));
  const all = [...new Set(known.filter((name) => TYPES.has(name)))];
  return all.length > 1 ? all : all[0];
};

/** What each keyword takes. One that has something else is left out; one that is not here is nobody's, and stays. */
const KEYWORDS: ReadonlyMap<string, Read> = new Map(
  Object.entries({
    ...from(schema, "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "items"),
    ...from(schema, "unevaluatedItems", "unevaluatedProperties"),
    ...from(schemas, "properties", "$defs", "definitions", "dependentSchemas"),
    ...from(list, "allOf", "anyOf", "oneOf", "prefixItems"),
    ...from(text, "title", "description", "format", "$comment", "contentEncoding", "contentMediaType"),
    ...from(flag, "uniqueItems", "deprecated", "readOnly", "writeOnly"),
    ...from(number, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    ...from(count, "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    ...from(count, "minContains", "maxContains"),
    multipleOf: (value) => (typeof value === "number" && value > 0 ? value : undefined),
    patternProperties: (value) => {
      const kept = isObject(value) ? Object.entries(value).filter(([name]) => pattern(name) !== undefined) : [];
      return eachOf(Object.fromEntries(kept), schema);
    },
    dependentRequired: (value) => (isObject(value) ? eachOf(value, names) : undefined),
    required: names,
    enum: (value) => (Array.isArray(value) && value.length > 0 ? value : undefined),
    examples: (value) => (Array.isArray(value) ? value : undefined),
    pattern,
    type,
    $ref: reference,
  } satisfies Record<string, Read>),
);

/** Names of dialects and of resources: the schema of a tool is a part of a request, and no resource. */
const NAMED = new Set(["$schema", "$id", "id", "$anchor", "$vocabulary", "$dynamicAnchor", "$dynamicRef"]);

/** The schema without what draft 2020-12 does not allow, which providers refuse. */
export function mended(given: JsonObject): JsonObject {
  const kept: [string, JsonValue][] = [];
  let isList = false;
  let hasItems = false;
  for (const [keyword, value] of Object.entries(translated(given))) {
    if (NAMED.has(keyword)) continue;
    const read = KEYWORDS.get(keyword);
    const taken = read === undefined ? value : read(value);
    if (taken === undefined) continue;
    isList ||= keyword === "type" && (taken === "array" || (Array.isArray(taken) && taken.includes("array")));
    hasItems ||= keyword === "items";
    kept.push([keyword, taken]);
  }
  // OpenAI refuses a list without a schema of its items.
  if (isList && !hasItems) kept.push(["items", {}]);
  return withoutUnnamed(Object.fromEntries(kept));
}

/** Keywords by which a property may be named elsewhere than beside `required`. */
const NAMING = ["allOf", "anyOf", "oneOf", "$ref", "patternProperties"];

/**
 * Requires only properties that there are: Gemini refuses others, and MCP's SDK loses those named `__proto__`. A schema
 * without properties may be an alternative of one that has them.
 */
export function withoutUnnamed(schema: JsonObject): JsonObject {
  const { properties, required, ...rest } = schema;
  if (!Array.isArray(required) || properties === undefined || NAMING.some((keyword) => keyword in rest)) return schema;
  const named = required.filter((name) => Object.hasOwn(properties as JsonObject, name as string));
  if (named.length === required.length) return schema;
  return { ...rest, properties, ...(named.length > 0 && { required: named }) };
}

/** What drafts 4 to 7 said in another way. */
function translated(schema: JsonObject): JsonObject {
  let modern = schema;
  if (Array.isArray(schema.items)) {
    const { items, additionalItems, ...rest } = schema;
    modern = { ...rest, prefixItems: items, ...(additionalItems !== undefined && { items: additionalItems }) };
  }
  for (const [limit, exclusive] of LIMITS) {
    const { [limit]: value, ...rest } = modern[exclusive] === true ? modern : {};
    if (value !== undefined) modern = { ...rest, [exclusive]: value };
  }
  return modern;
}

const LIMITS = [
  ["minimum", "exclusiveMinimum"],
  ["maximum", "exclusiveMaximum"],
] as const;

function from(read: Read, ...keywords: string[]): Record<string, Read> {
  return Object.fromEntries(keywords.map((keyword) => [keyword, read]));
}

function eachOf(values: JsonObject, read: Read): JsonObject {
  const kept: [string, JsonValue][] = [];
  for (const [name, value] of Object.entries(values)) {
    const taken = read(value);
    if (taken !== undefined) kept.push([name, taken]);
  }
  return Object.fromEntries(kept);
}
