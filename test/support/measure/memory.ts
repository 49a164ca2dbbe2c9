// How much memory this process uses, without garbage and, where asked for, pages that are not returned yet.
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { collectEverything } from "../../../src/server/release-heap.ts";

/** In which V8 lets go of the buffers that a collection has found unused, on a thread of its own. In milliseconds. */
const SWEEP_MS = 20;

/** In bytes: what is in use of the heap and of buffers. Resident memory also counts what is free in V8's pages. */
export function usedMemory(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "major"; execution: "sync" }) => void;
  return memoryAfter(() => collect({ type: "major", execution: "sync" }));
}

/** In bytes, once the pages that are free have been given back: several collections, which take the longest of all. */
export function residentMemory(): Promise<NodeJS.MemoryUsage> {
  return memoryAfter(collectEverything);
}

async function memoryAfter(collect: () => void): Promise<NodeJS.MemoryUsage> {
  collect();
  await delay(SWEEP_MS);
  // What the first has found may have held others.
  collect();
  await delay(SWEEP_MS);
  return process.memoryUsage();
}
