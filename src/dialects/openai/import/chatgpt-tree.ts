// The paths of a conversation in ChatGPT's export: the one that is shown, and those of the answers and questions that
// were replaced.
import { invalidField } from "../../../domain/errors.ts";
import type { Json } from "./drafts.ts";

/** From a first message to a last one, each with the id of its node. */
export type TreePath = readonly (readonly [node: string, message: Json])[];

/** The most nodes of all paths: what a tree with very many alternatives has beyond is left out. */
const MAX_STEPS = 1_000_000;

/** The live path comes last. Throws INVALID_FIELD where the mapping is no tree. */
export function pathsOf(value: Json): TreePath[] {
  const { mapping, current_node: current } = value;
  const known = typeof current === "string" && Object.hasOwn(mapping, current);
  const last: unknown = known ? current : lastLeaf(mapping);
  const live = pathTo(mapping, last);
  const others: TreePath[] = [];
  const onLive = new Set(live.map(([node]) => node));
  let left = MAX_STEPS;
  for (const leaf of leavesOf(mapping)) {
    if (leaf === last || onLive.has(leaf)) continue;
    const path = pathTo(mapping, leaf);
    left -= path.length;
    if (left < 0) break;
    others.push(path);
  }
  return [...others, live];
}

function pathTo(mapping: Json, last: unknown): TreePath {
  const path: [string, Json][] = [];
  const seen = new Set<string>();
  for (let at = last; typeof at === "string" && Object.hasOwn(mapping, at); ) {
    if (seen.has(at)) throw invalidField("mapping", "must be a tree, and has a circle", "mapping.tree");
    seen.add(at);
    const { message, parent } = mapping[at] ?? {};
    if (typeof message === "object" && message !== null) path.push([at, message]);
    at = parent;
  }
  return path.reverse();
}

/** Nodes that nothing follows, the oldest first. */
function leavesOf(mapping: Json): string[] {
  const leaves = Object.entries<Json>(mapping).filter(([, entry]) => !entry?.children?.length);
  return leaves.toSorted(([, a], [, b]) => timeOf(a) - timeOf(b)).map(([node]) => node);
}

function timeOf(entry: Json): number {
  const time = entry?.message?.create_time;
  return typeof time === "number" ? time : 0;
}

/** Older exports do not say which path is live: the one with the latest message is. */
function lastLeaf(mapping: Json): string | undefined {
  return leavesOf(mapping).at(-1);
}
