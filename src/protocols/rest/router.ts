// Finds the route of a path: a trie over raw path segments, literals before variables at each level.
import type { Binding } from "./binding/binding.ts";
import { shapeOf, upperEscapes } from "./binding/template.ts";

/** What the router needs to know of a route. */
export interface Routed {
  readonly binding: Binding;
}

export type Found<R> =
  | { readonly kind: "found"; readonly routes: readonly R[]; readonly segments: readonly string[] }
  | { readonly kind: "method_not_allowed"; readonly allow: readonly string[] }
  | { readonly kind: "not_found" };

export interface Router<R> {
  /** Finds what serves `verb` at a raw path, which begins with "/" and has no empty segment. */
  find(verb: string, path: string): Found<R>;
  /** The HTTP methods that a path has, sorted; empty if no route has it. */
  allowed(path: string): string[];
}

/** The routes of one place, by HTTP method. A unary and a streaming method may share one: `Accept` decides. */
type Leaf<R> = Map<string, R[]>;

interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  one: Node<R> | undefined;
  /** Routes that end here, by `:verb`; "" for those without. */
  readonly ends: Map<string, Leaf<R>>;
  /** Routes whose `**` begins here, likewise. */
  readonly rests: Map<string, Leaf<R>>;
}

/** Two routes that serve the same HTTP method at the same paths. The message names both methods. */
export class CollisionError extends Error {
  override readonly name = "CollisionError";
}

/** Builds the trie. Throws {@link CollisionError}. */
export function createRouter<R extends Routed>(routes: readonly R[]): Router<R> {
  const root = createNode<R>();
  const verbs = new Set<string>();
  for (const route of routes) {
    const { template } = route.binding;
    if (template.verb !== "") verbs.add(template.verb);
    insert(root, route);
  }

  /** Calls `visit` with each place that matches, the best first, until it says true. */
  function search(path: string, visit: (leaf: Leaf<R>, segments: readonly string[]) => boolean): boolean {
    const segments = path.slice(1).split("/");
    const last = segments.length - 1;
    const tail = segments[last] as string;
    const colon = tail.lastIndexOf(":");
    if (colon > 0) {
      const verb = upperEscapes(tail.slice(colon + 1));
      if (verbs.has(verb)) {
        const trimmed = segments.with(last, tail.slice(0, colon));
        if (walk(root, trimmed, 0, verb, visit)) return true;
      }
    }
    return walk(root, segments, 0, "", visit);
  }

  return {
    find(verb, path) {
      let found: Found<R> = { kind: "not_found" };
      const hit = search(path, (leaf, segments) => {
        const routes = leaf.get(verb) ?? (verb === "HEAD" ? leaf.get("GET") : undefined) ?? leaf.get("*");
        if (routes === undefined) return false;
        found = { kind: "found", routes, segments };
        return true;
      });
      if (hit) return found;
      const allow = this.allowed(path);
      return allow.length === 0 ? found : { kind: "method_not_allowed", allow };
    },
    allowed(path) {
      const allow = new Set<string>();
      search(path, (leaf) => {
        for (const verb of leaf.keys()) allow.add(verb);
        return false;
      });
      if (allow.has("GET")) allow.add("HEAD");
      if (allow.size > 0) allow.add("OPTIONS");
      return [...allow].filter((verb) => verb !== "*").sort();
    },
  };
}

function walk<R>(
  node: Node<R>,
  segments: readonly string[],
  at: number,
  verb: string,
  visit: (leaf: Leaf<R>, segments: readonly string[]) => boolean,
): boolean {
  const segment = segments[at];
  if (segment === undefined) {
    const end = node.ends.get(verb);
    if (end !== undefined && visit(end, segments)) return true;
  } else {
    const literal = node.literals.get(upperEscapes(segment));
    if (literal !== undefined && walk(literal, segments, at + 1, verb, visit)) return true;
    if (node.one !== undefined && walk(node.one, segments, at + 1, verb, visit)) return true;
  }
  const rest = node.rests.get(verb);
  return rest !== undefined && visit(rest, segments);
}

function insert<R extends Routed>(root: Node<R>, route: R): void {
  const { template, verb } = route.binding;
  let node = root;
  let leaves = node.ends;
  for (const segment of template.segments) {
    if (segment.kind === "rest") {
      leaves = node.rests;
    } else {
      node = segment.kind === "one" ? oneOf(node) : literalOf(node, segment.text);
      leaves = node.ends;
    }
  }
  let leaf = leaves.get(template.verb);
  if (leaf === undefined) {
    leaf = new Map();
    leaves.set(template.verb, leaf);
  }
  const others = leaf.get(verb) ?? [];
  for (const other of others) {
    if (streams(other) === streams(route)) {
      const names = `${other.binding.method} (${other.binding.pattern}) and ${route.binding.method} (${route.binding.pattern})`;
      throw new CollisionError(`${names} both claim ${verb} ${shapeOf(template)}`);
    }
  }
  leaf.set(verb, [...others, route]);
}

function streams(route: Routed): boolean {
  const kind = route.binding.method.methodKind;
  return kind === "server_streaming" || kind === "bidi_streaming";
}

function createNode<R>(): Node<R> {
  return { literals: new Map(), one: undefined, ends: new Map(), rests: new Map() };
}

function oneOf<R>(node: Node<R>): Node<R> {
  node.one ??= createNode();
  return node.one;
}

function literalOf<R>(node: Node<R>, text: string): Node<R> {
  let next = node.literals.get(text);
  if (next === undefined) {
    next = createNode();
    node.literals.set(text, next);
  }
  return next;
}
