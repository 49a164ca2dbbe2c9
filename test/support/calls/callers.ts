// Callers in a separate thread, so that their processor time does not count as the server's.
import { once } from "node:events";
import { parentPort, Worker, workerData } from "node:worker_threads";

export interface Callers {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How many, each with one call at a time. */
  readonly count: number;
  /** How many calls each of them makes at most. */
  readonly calls: number;
  /** All of them stop as soon as one is answered so. */
  readonly until: number;
}

/** Lets them call, and gives the statuses that they have seen, in order. */
export async function call(callers: Callers, signal: AbortSignal): Promise<number[]> {
  const worker = new Worker(new URL(import.meta.url), { workerData: callers });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  const [statuses] = await once(worker, "message", { signal });
  signal.removeEventListener("abort", stop);
  await worker.terminate();
  return statuses as number[];
}

if (parentPort !== null && workerData?.until !== undefined) {
  const { url, headers, body, count, calls, until } = workerData as Callers;
  const seen = new Set<number>();
  const one = async () => {
    for (let made = 0; made < calls && !seen.has(until); made++) {
      const response = await fetch(url, { method: "POST", headers, body });
      await response.arrayBuffer();
      seen.add(response.status);
    }
  };
  await Promise.all(Array.from({ length: count }, one));
  parentPort.postMessage([...seen].toSorted());
}
