// Collected components: names for them, and one for both directions where a message reads the same in both.
import type { Schema } from "../../src/protocols/rest/docs/openapi-types.ts";

/** Whether a schema describes what a client sends or what it is answered. */
export type Direction = "input" | "output";

/** A component while the document is being made; its final name is given when all of them are known. */
export interface Component {
  readonly typeName: string;
  readonly direction: Direction | undefined;
  /** Field paths that are left out because the path of the route binds them. */
  readonly without: readonly string[];
  schema: Schema;
}

export const PREFIX = "#/components/schemas/";

/**
 * A message that is sent and answered alike has one component. Where the two differ, the one that is sent is called
 * `<Message>Input`; a request whose path takes some of its fields is called `<Message>Body`.
 */
export function nameComponents(components: ReadonlyMap<string, Component>): {
  readonly components: Record<string, Schema>;
  rename(ref: string): string;
} {
  const differing = differingTypes(components);
  const short = shortNames(components);
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const [key, { typeName, direction, without }] of sorted(components)) {
    const base = short.get(typeName) ?? typeName;
    let name = base;
    if (without.length > 0) {
      for (let number = 1; number === 1 || taken.has(name); number++) name = `${base}Body${number === 1 ? "" : number}`;
    } else if (direction === "input" && differing.has(typeName)) name = `${base}Input`;
    names.set(key, name);
    taken.add(name);
  }
  const rename = (ref: string) => {
    const name = ref.startsWith(PREFIX) ? names.get(ref.slice(PREFIX.length)) : undefined;
    return name === undefined ? ref : PREFIX + name;
  };
  const byName = [...names].map(([key, name]) => [name, components.get(key)?.schema ?? {}] as const);
  byName.sort(([a], [b]) => (a < b ? -1 : 1));
  return { components: Object.fromEntries(byName), rename };
}

function sorted(components: ReadonlyMap<string, Component>): [string, Component][] {
  return [...components].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The types whose two schemas differ, in themselves or in what they refer to. */
function differingTypes(components: ReadonlyMap<string, Component>): ReadonlySet<string> {
  const pairs = new Map<string, [Schema, Schema]>();
  for (const { typeName, direction, without, schema } of components.values()) {
    const answered = components.get(`${typeName}|output`);
    if (direction === "input" && without.length === 0 && answered) pairs.set(typeName, [schema, answered.schema]);
  }
  const differing = new Set<string>();
  for (let before = -1; before < differing.size; ) {
    before = differing.size;
    for (const [typeName, [sent, answered]] of pairs) {
      if (comparable(sent, differing) !== comparable(answered, differing)) differing.add(typeName);
    }
  }
  return differing;
}

// References to types that are the same in both directions are written without the direction.
function comparable(schema: Schema, differing: ReadonlySet<string>): string {
  return JSON.stringify(schema, (key, value) => {
    if (key !== "$ref" || typeof value !== "string") return value;
    const [typeName = ""] = value.slice(PREFIX.length).split("|");
    return differing.has(typeName) ? value : typeName;
  });
}

/** Names without the package, unless two packages share one. */
function shortNames(components: ReadonlyMap<string, Component>): ReadonlyMap<string, string> {
  const types = new Set([...components.values()].map(({ typeName }) => typeName));
  const shortened = new Map<string, string[]>();
  for (const typeName of types) {
    const short = typeName.replace(/^([a-z][A-Za-z0-9_]*\.)+(?=[A-Z])/, "");
    shortened.set(short, [...(shortened.get(short) ?? []), typeName]);
  }
  const names = new Map<string, string>();
  for (const [short, sharing] of shortened) {
    for (const typeName of sharing) names.set(typeName, sharing.length === 1 ? short : typeName);
  }
  return names;
}
