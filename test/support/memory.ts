// How much memory this process uses, without garbage and pages that are not returned yet.
import { setTimeout as delay } from "node:timers/promises";
import { collectEverything } from "../../src/server/release-heap.ts";

/** In which V8 lets go of the buffers that a collection has found unused, on a thread of its own. In milliseconds. */
const SWEEP_MS = 20;

/** In bytes. Takes some 300 ms. */
export async function usedMemory(): Promise<NodeJS.MemoryUsage> {
  collectEverything();
  await delay(SWEEP_MS);
  // What the first has found may have held others.
  collectEverything();
  await delay(SWEEP_MS);
  return process.memoryUsage();
}
