// The outermost level of a tool's schema: OpenAI and Anthropic refuse combinations of schemas there.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** References and combinations within each other that are followed. */
const MAX_DEPTH = 8;
/** How much of what is taken away is told to the model, in characters. */
const MAX_TOLD = 4_096;

/**
 * A schema without `allOf`, `anyOf`, `oneOf`, `not`, `enum` and `$ref` on its outermost level. What they allow becomes
 * properties, of which those are required that all alternatives require; what they forbid is told in the description.
 */
export function withoutCombinations(schema: JsonObject): JsonObject {
  const { properties = {}, required = [], ...rest } = schema;
  const { allOf, anyOf, oneOf, not, enum: values, $ref, ...kept } = rest;
  const taken = { allOf, anyOf, oneOf, not, enum: values, $ref };
  if (Object.values(taken).every((value) => value === undefined)) return schema;
  const folded = fold(schema, schema, 0);
  const told = { allOf, anyOf, oneOf, not, enum: values } as JsonObject;
  const words = JSON.stringify(told);
  const given = typeof kept.description === "string" ? `${kept.description}\n` : "";
  const isTold = words !== "{}" && words.length <= MAX_TOLD;
  return {
    ...kept,
    properties: folded?.properties ?? properties,
    ...(folded === undefined ? { required } : folded.required.size > 0 && { required: [...folded.required] }),
    ...(isTold && { description: `${given}The arguments must also match this schema: ${words}` }),
  };
}

interface Folded {
  readonly properties: JsonObject;
  readonly required: ReadonlySet<string>;
}

/** What a schema says of an object. Undefined: it is none of an object. */
function fold(schema: JsonValue | undefined, root: JsonObject, depth: number): Folded | undefined {
  if (!isObject(schema) || depth > MAX_DEPTH) return undefined;
  if (schema.type !== undefined && schema.type !== "object" && !asList(schema.type).includes("object"))
    return undefined;
  const own = isObject(schema.properties) ? schema.properties : {};
  const parts: Folded[] = [{ properties: own, required: new Set(asList(schema.required) as string[]) }];
  const inner = (value: JsonValue | undefined) => fold(value, root, depth + 1);
  if (typeof schema.$ref === "string") parts.push(...some([inner(pointed(root, schema.$ref))]));
  for (const value of asList(schema.allOf)) parts.push(...some([inner(value)]));
  for (const alternatives of [schema.anyOf, schema.oneOf]) {
    const all = asList(alternatives).map(inner);
    if (all.length > 0) parts.push(oneOfThem(all));
  }
  return {
    properties: parts.reduce((properties, part) => joined(properties, part.properties, "allOf"), {}),
    required: new Set(parts.flatMap((part) => [...part.required])),
  };
}

/** Any of several: what only some of them have is not required. */
function oneOfThem(all: readonly (Folded | undefined)[]): Folded {
  const objects = some(all);
  const [first, ...others] = objects.length === all.length ? objects.map(({ required }) => required) : [];
  return {
    properties: objects.reduce((properties, one) => joined(properties, one.properties, "anyOf"), {} as JsonObject),
    required: others.reduce<ReadonlySet<string>>((names, more) => names.intersection(more), first ?? new Set()),
  };
}

/** Properties of both; of one that both have, both schemas hold, or one of them. */
function joined(some: JsonObject, more: JsonObject, how: "allOf" | "anyOf"): JsonObject {
  const all = new Map(Object.entries(some));
  for (const [name, schema] of Object.entries(more)) {
    const known = all.get(name);
    const isSame = known === undefined || JSON.stringify(known) === JSON.stringify(schema);
    all.set(name, isSame ? schema : both(known, schema, how));
  }
  return Object.fromEntries(all);
}

function both(known: JsonValue, schema: JsonValue, how: "allOf" | "anyOf"): JsonObject {
  const before = isObject(known) && Object.keys(known).length === 1 && Array.isArray(known[how]) ? known[how] : [known];
  return { [how]: [...before, schema] };
}

/** The schema without references to what is not in it, which providers refuse. */
export function withoutDangling(root: JsonObject): JsonObject {
  const walk = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map(walk);
    if (!isObject(value)) return value;
    const kept = Object.entries(value).filter(([name, inner]) => {
      return name !== "$ref" || typeof inner !== "string" || pointed(root, inner) !== undefined;
    });
    return Object.fromEntries(kept.map(([name, inner]) => [name, walk(inner)]));
  };
  return walk(root) as JsonObject;
}

/** What a reference within the schema points at. Undefined: nothing. */
function pointed(root: JsonObject, reference: string): JsonValue | undefined {
  const [first, ...steps] = reference.split("/");
  if (first !== "#") return undefined;
  let at: JsonValue | undefined = root;
  for (const step of steps) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = at[Number(name)];
    else at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

function some<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

function asList(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
