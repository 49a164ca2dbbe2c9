// Writes how far endpoints are, and what was attempted: for all endpoints of a tenant by one statement at a time.
import type { Database } from "../../store/database.ts";
import { insertAttempts, type NewAttempt, trimAttempts } from "../../store/webhooks/attempts.ts";
import { type Progress, saveProgress } from "../../store/webhooks/leases.ts";

/**
 * What was taken is written after this time, in milliseconds, or sooner if there is much of it. A server that is killed
 * leaves so much to be repeated.
 */
const WRITE_AFTER_MS = 500;
const MUCH = 50;
/** Between two writes, in milliseconds. */
const WRITE_EVERY_MS = 100;
/** After a failure of the database, in milliseconds. */
const RETRY_MS = 500;
/** Attempts of one endpoint that are written at once; of more that succeeded, the latest. */
const MAX_ATTEMPTS = 50;
/** Attempts of an endpoint after which old ones are deleted. */
const TRIM_EVERY = 200;
const MOST_COUNTED = 2_000;

export interface Written {
  readonly tenantId: string;
  progress(): Progress;
  /** Another server has begun to deliver for this endpoint, or it was changed or deleted. */
  lost(): void;
}

interface TenantWrites {
  dirty: Set<Written>;
  attempts: NewAttempt[];
  /** By endpoint: the attempts that were written since old ones were deleted. */
  untrimmed: Map<string, number>;
  waiting: PromiseWithResolvers<void> | undefined;
  timer: NodeJS.Timeout | undefined;
  /** When the timer is due. */
  due: number;
  writing: Promise<void> | undefined;
}

export class ProgressWriter {
  readonly #database: Database;
  readonly #onError: (error: unknown) => void;
  readonly #tenants = new Map<string, TenantWrites>();
  #closed = false;

  constructor(database: Database, onError: (error: unknown) => void) {
    this.#database = database;
    this.#onError = onError;
  }

  /** Writes the endpoint's progress soon. */
  mark(endpoint: Written): void {
    const writes = this.#of(endpoint.tenantId);
    writes.dirty.add(endpoint);
    this.#schedule(endpoint.tenantId, writes, WRITE_AFTER_MS);
  }

  /** Writes it now. Resolves when it is written, or the endpoint is lost. */
  save(endpoint: Written): Promise<void> {
    const writes = this.#of(endpoint.tenantId);
    writes.dirty.add(endpoint);
    writes.waiting ??= Promise.withResolvers();
    const { promise } = writes.waiting;
    this.#schedule(endpoint.tenantId, writes, 0);
    return promise;
  }

  attempted(tenantId: string, attempt: NewAttempt): void {
    const writes = this.#of(tenantId);
    const count = writes.attempts.push(attempt);
    this.#schedule(tenantId, writes, count < MUCH ? WRITE_AFTER_MS : WRITE_EVERY_MS);
  }

  /** Writes what is left, once. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      [...this.#tenants].map(async ([tenantId, writes]) => {
        clearTimeout(writes.timer);
        await writes.writing;
        await this.#write(tenantId, writes).catch(this.#onError);
      }),
    );
  }

  #of(tenantId: string): TenantWrites {
    let writes = this.#tenants.get(tenantId);
    if (writes === undefined) {
      writes = {
        dirty: new Set(),
        attempts: [],
        untrimmed: new Map(),
        waiting: undefined,
        timer: undefined,
        due: 0,
        writing: undefined,
      };
      this.#tenants.set(tenantId, writes);
    }
    return writes;
  }

  #schedule(tenantId: string, writes: TenantWrites, ms: number): void {
    if (this.#closed || writes.writing !== undefined) return;
    const due = performance.now() + ms;
    if (writes.timer !== undefined && writes.due <= due) return;
    clearTimeout(writes.timer);
    writes.due = due;
    writes.timer = setTimeout(() => {
      writes.writing = this.#run(tenantId, writes);
    }, ms);
  }

  async #run(tenantId: string, writes: TenantWrites): Promise<void> {
    writes.timer = undefined;
    let failed = false;
    try {
      await this.#write(tenantId, writes);
    } catch (error) {
      this.#onError(error);
      failed = true;
    }
    writes.writing = undefined;
    if (writes.dirty.size === 0 && writes.attempts.length === 0) return;
    const pause = writes.attempts.length >= MUCH ? WRITE_EVERY_MS : WRITE_AFTER_MS;
    // Those that wait for it go on at once.
    const wanted = writes.waiting === undefined ? pause : 0;
    this.#schedule(tenantId, writes, failed ? RETRY_MS : wanted);
  }

  async #write(tenantId: string, writes: TenantWrites): Promise<void> {
    const { dirty, waiting } = writes;
    const attempts = latestOf(writes.attempts);
    writes.dirty = new Set();
    writes.waiting = undefined;
    writes.attempts = [];
    try {
      if (dirty.size > 0) {
        const endpoints = [...dirty].map((endpoint) => ({ endpoint, progress: endpoint.progress() }));
        const own = await saveProgress(
          this.#database,
          tenantId,
          endpoints.map(({ progress }) => progress),
        );
        for (const { endpoint, progress } of endpoints) if (!own.has(progress.endpoint_id)) endpoint.lost();
      }
      waiting?.resolve();
    } catch (error) {
      for (const endpoint of dirty) writes.dirty.add(endpoint);
      if (waiting !== undefined) {
        const later = writes.waiting as PromiseWithResolvers<void> | undefined;
        if (later !== undefined) void later.promise.then(waiting.resolve);
        else writes.waiting = waiting;
      }
      throw error;
    } finally {
      if (attempts.length > 0) await this.#writeAttempts(tenantId, writes, attempts);
    }
  }

  /** They are for people to look at: what cannot be written is left out. */
  async #writeAttempts(tenantId: string, writes: TenantWrites, attempts: readonly NewAttempt[]): Promise<void> {
    try {
      await insertAttempts(this.#database, tenantId, attempts);
      const { untrimmed } = writes;
      // Of endpoints that are gone too: they must not become more and more.
      if (untrimmed.size > MOST_COUNTED) untrimmed.clear();
      for (const { endpoint_id: id } of attempts) untrimmed.set(id, (untrimmed.get(id) ?? 0) + 1);
      const many = [...untrimmed].filter(([, count]) => count >= TRIM_EVERY).map(([id]) => id);
      if (many.length === 0) return;
      for (const id of many) untrimmed.delete(id);
      await trimAttempts(this.#database, tenantId, many);
    } catch (error) {
      this.#onError(error);
    }
  }
}

/** The latest of each endpoint, in order; those that failed are all kept. */
function latestOf(attempts: readonly NewAttempt[]): NewAttempt[] {
  const counts = new Map<string, number>();
  return attempts
    .toReversed()
    .filter(({ endpoint_id, error }) => {
      const count = counts.get(endpoint_id) ?? 0;
      counts.set(endpoint_id, count + 1);
      return error !== "" || count < MAX_ATTEMPTS;
    })
    .toReversed();
}
