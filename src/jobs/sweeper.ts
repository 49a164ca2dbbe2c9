// Forgets what is no longer kept: request ids that are too old, and deleted conversations whose time has come.
import type { Database, Statement } from "../store/database.ts";
import { forgetKeys } from "../store/idempotency/statements.ts";
import { purgeDue } from "../store/purge/purge.ts";

const allTenants: Statement<{ id: string }> = { name: "tenant_ids", text: "select t.id from tenant t" };

/** A round in which so many tenants failed is over: the database is away, or as good as that. */
const MAX_FAILURES = 10;

export interface SweeperOptions {
  readonly database: Database;
  /** Told of a round that failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds between rounds. Default: 15 minutes. */
  readonly everyMs?: number;
}

export interface Sweeper {
  start(): void;
  /** Cancels the statement that runs now; what was forgotten before stays so. */
  stop(): Promise<void>;
  /**
   * One round, tenant by tenant and a bounded number of rows at a time. Answers how many were forgotten. Throws what the
   * first tenant failed with, once the others had their turn.
   */
  sweep(): Promise<number>;
}

/** Several servers may sweep one database at once: each row is forgotten by one of them. */
export function createSweeper({ database, onError, everyMs = 15 * 60_000 }: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<unknown> = Promise.resolve();

  async function sweepTenant(id: string): Promise<number> {
    let forgotten = 0;
    for (let count = 1; count > 0 && !stopping.signal.aborted; forgotten += count) {
      const [row] = await database.query(forgetKeys, [id], stopping.signal);
      count = Number(row?.count ?? 0);
    }
    return forgotten + (await purgeDue(database, id, stopping.signal));
  }

  async function sweep(): Promise<number> {
    let forgotten = 0;
    const failures: unknown[] = [];
    for (const { id } of await database.query(allTenants, [], stopping.signal)) {
      try {
        forgotten += await sweepTenant(id);
      } catch (error) {
        if (stopping.signal.aborted) return forgotten;
        // What cannot be done for one tenant must not wait for ever for all that come after it.
        failures.push(error);
        if (failures.length === MAX_FAILURES) break;
      }
    }
    if (failures.length > 0) throw failures[0];
    return forgotten;
  }

  return {
    sweep,
    start() {
      timer = setInterval(() => {
        round = round.then(sweep).catch((error: unknown) => stopping.signal.aborted || onError(error));
      }, everyMs).unref();
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await round;
    },
  };
}
