// How much of this process's memory is in use, without what is only waiting to be collected.
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** In which V8 lets go of the buffers that a collection has found unused, on a thread of its own. In milliseconds. */
const SWEEP_MS = 20;

/** In bytes. Takes some 150 ms. */
export async function usedMemory(): Promise<NodeJS.MemoryUsage> {
  collect();
  await delay(SWEEP_MS);
  // What the first has found may have held others.
  collect();
  await delay(SWEEP_MS);
  return process.memoryUsage();
}

function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
