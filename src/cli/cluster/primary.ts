// The primary: starts the workers, distributes connections in turn, replaces workers that die, and stops them all.
import cluster from "node:cluster";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { AggregatorRegistry } from "prom-client";
import { DRAIN_MS, WORKER_CLOSE_MS } from "../../app/stop-times.ts";
import type { Listening } from "../../server/listening.ts";
import { WorkerHandle } from "./worker-handle.ts";

export interface FleetOptions {
  /** How many workers. */
  readonly count: number;
  /** Added to the primary's environment; a worker runs the same program with the same arguments. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export interface Fleet {
  /**
   * Starts the workers, the first one alone. Resolves when all are listening; rejects with WorkerFailed if one exits
   * before.
   */
  start(): Promise<Listening>;
  /** Releases all workers, also later ones; resolves when they are ready. */
  release(): Promise<void>;
  /** Makes them reload the certificate. */
  reload(): void;
  /** Makes them report not ready, but keep serving. */
  leave(): void;
  /** Lets them finish running calls, and waits until all have exited. Returns how many had to be killed or failed. */
  stop(): Promise<number>;
}

/** A worker exited before it was listening. It has printed the reason. */
export class WorkerFailed extends Error {
  override readonly name = "WorkerFailed";
}

/** Delays before replacing workers, in milliseconds. */
const BACKOFF_MS = [0, 100, 500, 2_000, 5_000];
/** A worker that ran this long is replaced at once. */
const STABLE_MS = 60_000;
/** Time for workers to stop, in milliseconds: a little more than their own limit. */
const STOP_MS = DRAIN_MS + WORKER_CLOSE_MS + 2_000;

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
      // Its exit was noticed, and it is replaced.
      .catch(() => {});
  }

  return {
    async start() {
      cluster.setupPrimary({ args: process.argv.slice(2) });
      // The first one alone, so that an error that prevents listening is printed once.
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
      const ends = await Promise.all([...workers].map((worker) => worker.stop(STOP_MS)));
      return ends.filter(({ status }) => status !== 0).length;
    },
  };
}
