// How much of this process's memory is in use, without what is only waiting to be collected.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** In bytes. Takes some 50 ms. */
export function usedHeap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** The bytes of buffers, outside the heap. */
export function usedBuffers(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
