// Runs jobs that are due, of all tenants, one after the other.
import { Rounds } from "../domain/rounds.ts";
import type { WorkBudget } from "../domain/work-budget.ts";
import type { ByteStore } from "../files/byte-store.ts";
import type { Database } from "../store/database.ts";
import { takeSamplesAnew } from "../store/erasure/samples.ts";
import { takeJob, tenantsWithJobs } from "../store/jobs/jobs.ts";
import { SETTLE_MS, workOn } from "./erasure.ts";
import { createGiveWay } from "./give-way.ts";

/** What another server has left is seen within this time, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

export interface JobRunnerOptions {
  readonly database: Database;
  /** Where the bytes of files lie. Default: there are no files. */
  readonly bytes?: ByteStore | undefined;
  /** What the work may use while calls need the server. Default: all that it likes. */
  readonly budget?: Pick<WorkBudget, "turn"> | undefined;
  /** Called when a job failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** For tests. Default: as long as a server may take a deleted member for present. */
  readonly settleMs?: number;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #rounds: Rounds;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    const round = async () => {
      await this.runDue();
      return undefined;
    };
    this.#rounds = new Rounds({ round, everyMs: LOOK_EVERY_MS, onError: options.onError });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Looks again: a job was made. */
  wake(): void {
    this.#rounds.wake();
  }

  /** Interrupts the job under way after its current transaction: another server goes on with it. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Runs what is due now. Returns how many jobs it worked on. */
  async runDue(): Promise<number> {
    const { database, bytes, budget, onError, settleMs = SETTLE_MS } = this.#options;
    const { signal } = this.#rounds;
    let worked = 0;
    let erased = false;
    for (const tenantId of await tenantsWithJobs(database, signal)) {
      for (;;) {
        const job = signal.aborted ? undefined : await takeJob(database, tenantId, signal);
        if (job === undefined) break;
        worked++;
        // The first round of a job is followed by a second, a minute later.
        erased ||= job.round > 1;
        await workOn(database, tenantId, job, settleMs, signal, bytes, createGiveWay(budget, signal)).catch(onError);
      }
    }
    // Once for all of them, and not before the rows of the jobs themselves have forgotten whom they erased.
    if (erased && !signal.aborted) await takeSamplesAnew(database, signal);
    return worked;
  }
}
