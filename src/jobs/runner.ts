// Runs jobs that are due, of all tenants, one after the other.
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../store/database.ts";
import { takeJob, tenantsWithJobs } from "../store/jobs/jobs.ts";
import { SETTLE_MS, workOn } from "./erasure.ts";

/** What another server has left is seen within this time, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

export interface JobRunnerOptions {
  readonly database: Database;
  /** Called when a job failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** For tests. Default: as long as a server may take a deleted member for present. */
  readonly settleMs?: number;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks again: a job was made. */
  wake(): void {
    this.#woken.abort();
  }

  /** Interrupts the job under way after its current transaction: another server goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      await this.runDue().catch((error: unknown) => signal.aborted || this.#options.onError(error));
      if (!signal.aborted) {
        await sleep(LOOK_EVERY_MS, undefined, { signal: this.#woken.signal, ref: false }).catch(() => {});
      }
    }
  }

  /** Runs what is due now. Returns how many jobs it worked on. */
  async runDue(): Promise<number> {
    const { database, onError, settleMs = SETTLE_MS } = this.#options;
    const { signal } = this.#stopping;
    let worked = 0;
    for (const tenantId of await tenantsWithJobs(database, signal)) {
      for (;;) {
        const job = signal.aborted ? undefined : await takeJob(database, tenantId, signal);
        if (job === undefined) break;
        worked++;
        await workOn(database, tenantId, job, settleMs, signal).catch(onError);
      }
    }
    return worked;
  }
}
