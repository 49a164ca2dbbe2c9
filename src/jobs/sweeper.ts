// Periodically deletes expired request ids, drafts of keys that are no more, ephemeral turns and files that nobody
// needs, old attempts of webhooks and audit entries, purges conversations that are due, and runs retention policies.
import type { WorkBudget } from "../domain/work-budget.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { dropOldAudit } from "../store/audit/chain.ts";
import type { Database } from "../store/database.ts";
import { tenantIds } from "../store/directory/tenants.ts";
import { sweepUnsent } from "../store/drafts/drafts.ts";
import { takeSamplesAnew } from "../store/erasure/samples.ts";
import { forgetKeys } from "../store/idempotency/statements.ts";
import { deleteDueTurns } from "../store/turns/records.ts";
import { deleteOldAttempts } from "../store/webhooks/attempts.ts";
import { sweepFiles, sweepLostBytes, sweepUploads } from "./files.ts";
import { createGiveWay } from "./give-way.ts";
import { purgeDue } from "./purge.ts";
import { runRetention } from "./retention.ts";

/** The first round comes soon, so that servers that restart often sweep too, and not among what a start does. */
const FIRST_MS = 60_000;
/** A round ends after this many tenants failed: the database is probably unavailable. */
const MAX_FAILURES = 10;

export interface SweeperOptions {
  readonly database: Database;
  /** Called when a round failed; the next round tries again. */
  readonly onError: (error: unknown) => void;
  /** When conversations that it deletes are purged. Default: never. */
  readonly purgeAfterDays?: number | undefined;
  /** Where the bytes of files lie. Default: there are no files. */
  readonly bytes?: ByteStore | undefined;
  /** What the work may use while calls need the server. Default: all that it likes. */
  readonly budget?: Pick<WorkBudget, "turn"> | undefined;
  /** Milliseconds between rounds. Default: 15 minutes. */
  readonly everyMs?: number;
}

export interface Sweeper {
  start(): void;
  /** Cancels the running statement; rows deleted before stay deleted. */
  stop(): Promise<void>;
  /**
   * Runs one round, tenant by tenant, with a bounded number of rows in each statement. Returns the number of deleted
   * rows and purged conversations. A failure stops neither the other steps nor the other tenants; the first error is
   * thrown at the end.
   */
  sweep(): Promise<number>;
}

/** Several servers may sweep one database at once: each row is deleted by one of them. */
export function createSweeper({
  database,
  onError,
  purgeAfterDays,
  bytes,
  budget,
  everyMs = 15 * 60_000,
}: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let round: Promise<unknown> = Promise.resolve();
  /** Whether conversations were purged or emptied since the database's samples were taken. */
  let erased = false;

  /** Until nothing is left of what `step` deletes a part of. */
  async function all(step: () => Promise<number>): Promise<number> {
    let swept = 0;
    for (let count = 1; count > 0 && !stopping.signal.aborted; swept += count) count = await step();
    return swept;
  }

  /** What is swept in a tenant, in this order. */
  function stepsOf(id: string): (() => Promise<number>)[] {
    const { signal } = stopping;
    const giveWay = () => createGiveWay(budget, signal);
    const steps = [
      () => all(async () => Number((await database.query(forgetKeys, [id], signal))[0]?.count ?? 0)),
      () => all(() => deleteDueTurns(database, id, purgeAfterDays, signal)),
      () => all(() => sweepUnsent(database, id, signal)),
      () => all(() => deleteOldAttempts(database, id, signal)),
      () => dropOldAudit(database, id, signal),
      () => erasing(runRetention(database, id, purgeAfterDays, signal, giveWay())),
      () => erasing(purgeDue(database, id, signal, giveWay())),
    ];
    if (bytes === undefined) return steps;
    return [...steps, () => sweepUploads(database, bytes, id, signal), () => sweepFiles(database, bytes, id, signal)];
  }

  async function erasing(work: Promise<number>): Promise<number> {
    const count = await work;
    erased ||= count > 0;
    return count;
  }

  async function sweep(): Promise<number> {
    let swept = 0;
    const failures: unknown[] = [];
    let failed = 0;
    for (const id of await tenantIds(database, stopping.signal)) {
      const before = failures.length;
      for (const step of stepsOf(id)) {
        try {
          if (!stopping.signal.aborted) swept += await step();
        } catch (error) {
          if (stopping.signal.aborted) return swept;
          // What fails keeps neither the other steps nor the later tenants from being swept.
          failures.push(error);
        }
      }
      if (failures.length > before && ++failed === MAX_FAILURES) break;
    }
    if (erased && !stopping.signal.aborted && failures.length === 0) {
      await takeSamplesAnew(database, stopping.signal);
      erased = false;
    }
    if (bytes !== undefined && !stopping.signal.aborted && failures.length === 0) {
      swept += await sweepLostBytes(database, bytes, stopping.signal);
    }
    if (failures.length > 0) throw failures[0];
    return swept;
  }

  return {
    sweep,
    start() {
      const begin = () => {
        round = round.then(sweep).catch((error: unknown) => stopping.signal.aborted || onError(error));
      };
      timers.push(setTimeout(begin, Math.min(FIRST_MS, everyMs)).unref(), setInterval(begin, everyMs).unref());
    },
    async stop() {
      for (const timer of timers) clearTimeout(timer);
      stopping.abort();
      await round;
    },
  };
}
