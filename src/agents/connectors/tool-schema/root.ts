// The outermost level of a tool's schema: OpenAI and Anthropic refuse combinations of schemas there.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** How much of what is taken away is told to the model, in characters. */
const MAX_TOLD = 4_096;
/** Different schemas of one property; of more, anything is one. */
const MAX_VARIANTS = 20;

/**
 * A schema without `allOf`, `anyOf`, `oneOf`, `not`, `enum` and `$ref` on its outermost level. What they allow becomes
 * properties, of which those are required that all alternatives require; what they forbid is told in the description.
 */
export function withoutCombinations(schema: JsonObject): JsonObject {
  const { properties: _, required: __, allOf, anyOf, oneOf, not, enum: values, $ref, ...kept } = schema;
  const told = { allOf, anyOf, oneOf, not, enum: values } as JsonObject;
  const words = JSON.stringify(told);
  if (words === "{}" && $ref === undefined) return schema;
  const { properties, required } = new Folding(schema).result();
  const given = typeof kept.description === "string" ? `${kept.description}\n` : "";
  const isTold = words !== "{}" && words.length <= MAX_TOLD;
  return {
    ...kept,
    properties,
    ...(required.length > 0 && { required }),
    ...(isTold && { description: `${given}The arguments must also match this schema: ${words}` }),
  };
}

/** How many names one schema requires. */
const MAX_REQUIRED = 200;

type Names = ReadonlySet<string>;
const NONE: ReadonlySet<string> = new Set();

/** Gathers what a schema says of an object. Each schema in it is read once, however many refer to it. */
class Folding {
  readonly #root: JsonObject;
  /** By property, its schemas by their text. */
  readonly #properties = new Map<string, Map<string, JsonValue>>();
  /** The names that a schema requires. Undefined: it is none of an object. One that is being read requires none. */
  readonly #required = new Map<JsonObject, Names | undefined>();

  constructor(root: JsonObject) {
    this.#root = root;
  }

  result(): { readonly properties: JsonObject; readonly required: string[] } {
    const required = [...(this.#read(this.#root) ?? NONE)];
    const properties = [...this.#properties].map(([name, variants]) => {
      const [first = {}, ...others] = variants.values();
      if (variants.size > MAX_VARIANTS || variants.has("{}")) return [name, {}] as const;
      return [name, others.length === 0 ? first : { anyOf: [first, ...others] }] as const;
    });
    return { properties: Object.fromEntries(properties), required };
  }

  #read(schema: JsonValue | undefined): Names | undefined {
    if (!isObject(schema)) return undefined;
    if (this.#required.has(schema)) return this.#required.get(schema);
    this.#required.set(schema, NONE);
    const names = [schema.type].flat().some((type) => type === undefined || type === "object")
      ? this.#gather(schema)
      : undefined;
    this.#required.set(schema, names);
    return names;
  }

  #gather(schema: JsonObject): Names {
    for (const [name, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      const variants = this.#properties.get(name) ?? new Map<string, JsonValue>();
      if (variants.size <= MAX_VARIANTS) variants.set(JSON.stringify(property), property);
      this.#properties.set(name, variants);
    }
    const sets = new Set<Names>([new Set((asList(schema.required) as string[]).slice(0, MAX_REQUIRED))]);
    if (typeof schema.$ref === "string") sets.add(this.#read(pointed(this.#root, schema.$ref)) ?? NONE);
    for (const part of asList(schema.allOf)) sets.add(this.#read(part) ?? NONE);
    for (const alternatives of [schema.anyOf, schema.oneOf]) {
      const [first, ...others] = new Set(asList(alternatives).map((one) => this.#read(one) ?? NONE));
      if (first !== undefined) sets.add(others.reduce((both, more) => both.intersection(more), first));
    }
    const [only, ...more] = [...sets].filter(({ size }) => size > 0);
    if (more.length === 0) return only ?? NONE;
    return new Set([...sets].flatMap((names) => [...names]).slice(0, MAX_REQUIRED));
  }
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

function asList(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
