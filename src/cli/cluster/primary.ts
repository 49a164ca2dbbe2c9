// The primary: starts the workers, hands each connection to one of them in turn, replaces those that die, stops them
// all.
import cluster from "node:cluster";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AggregatorRegistry } from "prom-client";
import type { Listening } from "../../server/listening.ts";
import { WorkerHandle } from "./worker-handle.ts";

export interface FleetOptions {
  /** How many workers. */
  readonly count: number;
  /** What a worker's environment has besides the primary's own; its program and words are the primary's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export interface Fleet {
  /**
   * Starts the workers, the first one alone. Resolves when all listen; rejects with WorkerFailed if one ends before.
   */
  start(): Promise<Listening>;
  /** Lets them become ready, and those to come as well; resolves when they are. */
  release(): Promise<void>;
  /** Lets them read the certificate anew. */
  reload(): void;
  /** Lets them say that they are not ready, and go on. */
  leave(): void;
  /** Lets them finish what is in flight, and waits until all have ended. */
  stop(): Promise<void>;
}

/** A worker ended before it listened. It has said why. */
export class WorkerFailed extends Error {
  override readonly name = "WorkerFailed";
}

/** Between the ends of workers and the starts of others in their place, in milliseconds. */
const BACKOFF_MS = [0, 100, 500, 2_000, 5_000];
/** A worker that held out this long is replaced at once. */
const STABLE_MS = 60_000;
/** Workers that were told to stop have so long, in milliseconds, which is more than calls in flight have. */
const STOP_MS = 15_000;

export function createFleet({ count, environment, logger }: FleetOptions): Fleet {
  const collector = new AggregatorRegistry();
  const workers = new Set<WorkerHandle>();
  let released = false;
  let stopping = false;
  let failures = 0;

  async function launch(): Promise<Listening> {
    const worker = new WorkerHandle(cluster.fork(environment), () => collector.clusterMetrics());
    workers.add(worker);
    worker.ended.then(({ status, signal, livedMs }) => {
      workers.delete(worker);
      if (stopping || !released) return;
      logger.error({ worker_pid: worker.pid, status, signal }, "a worker exited; starting another");
      failures = livedMs > STABLE_MS ? 1 : failures + 1;
      replace(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1] ?? 0);
    });
    const gone = worker.ended.then(({ status, signal }) => {
      throw new WorkerFailed(`a worker exited before it listened (${signal ?? `status ${status}`})`);
    });
    const listening = await Promise.race([worker.listening, gone]);
    logger.info({ worker_pid: worker.pid }, "a worker listens");
    if (released) worker.release();
    return listening;
  }

  function replace(waitMs: number): void {
    delay(waitMs, undefined, { ref: false })
      .then(async () => {
        if (!stopping) await launch();
      })
      // Its end was noticed, and it is replaced in its turn.
      .catch(() => {});
  }

  return {
    async start() {
      cluster.setupPrimary({ args: process.argv.slice(2) });
      // If something keeps it from listening, that is said once.
      const first = await launch();
      await Promise.all(Array.from({ length: count - 1 }, launch));
      return first;
    },
    async release() {
      released = true;
      await Promise.all([...workers].map((worker) => worker.release()));
    },
    reload() {
      for (const worker of workers) worker.reload();
    },
    leave() {
      for (const worker of workers) worker.leave();
    },
    async stop() {
      stopping = true;
      await Promise.all([...workers].map((worker) => worker.stop(STOP_MS)));
    },
  };
}
