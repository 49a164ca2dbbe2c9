// How much of this process's memory is in use, without what is only waiting to be collected or given back.
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** In which V8 lets go of the buffers that a collection has found unused, on a thread of its own. In milliseconds. */
const SWEEP_MS = 20;

type Collect = (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/** In bytes. Takes some 300 ms. */
export async function usedMemory(): Promise<NodeJS.MemoryUsage> {
  collect();
  await delay(SWEEP_MS);
  // What the first has found may have held others.
  collect();
  await delay(SWEEP_MS);
  return process.memoryUsage();
}

/** Gives back the empty pages of the young generation, too, of which there are up to 60 MiB for some time after a load. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as Collect)({ type: "major", execution: "sync", flavor: "last-resort" });
}
