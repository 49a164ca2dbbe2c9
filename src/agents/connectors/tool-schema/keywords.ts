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
const reference: Read = (value) => (typeof value === "string" && URL.canParse(value, "a:/") ? value : undefined);
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
const KEYWORDS: Readonly<Record<string, Read>> = {
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
};

/** Names of dialects and of resources: the schema of a tool is a part of a request, and no resource. */
const NAMED = new Set(["$schema", "$id", "id", "$anchor", "$vocabulary", "$dynamicAnchor", "$dynamicRef"]);

/** The schema without what draft 2020-12 does not allow, which providers refuse. */
export function mended(given: JsonObject): JsonObject {
  const kept = Object.fromEntries(
    Object.entries(translated(given)).flatMap(([keyword, value]) => {
      if (NAMED.has(keyword)) return [];
      const read = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
      const taken = read === undefined ? value : read(value);
      return taken === undefined ? [] : [[keyword, taken] as const];
    }),
  );
  // OpenAI refuses a list without a schema of its items.
  if ([kept.type].flat().includes("array") && kept.items === undefined) kept.items = {};
  return kept;
}

/** What drafts 4 to 7 said in another way. */
function translated({ ...schema }: JsonObject): JsonObject {
  if (Array.isArray(schema.items)) {
    const { items, additionalItems, ...rest } = schema;
    schema = { ...rest, prefixItems: items, ...(additionalItems !== undefined && { items: additionalItems }) };
  }
  for (const [limit, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    if (schema[exclusive] !== true || schema[limit] === undefined) continue;
    const { [limit]: value, ...rest } = schema;
    schema = { ...rest, ...(value !== undefined && { [exclusive]: value }) };
  }
  return schema;
}

function from(read: Read, ...keywords: string[]): Record<string, Read> {
  return Object.fromEntries(keywords.map((keyword) => [keyword, read]));
}

function eachOf(values: JsonObject, read: Read): JsonObject {
  const kept = Object.entries(values).map(([name, value]) => [name, read(value)] as const);
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as JsonObject;
}
