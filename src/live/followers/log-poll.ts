// Polls whether the followed logs have grown, in case a hint was lost: one statement for a tenant at a time.
import { inBackground } from "../../domain/background.ts";
import type { Database } from "../../store/database.ts";
import { logEnds } from "../../store/messages/messages.ts";

/** The maximum delay after a lost hint, in milliseconds. */
const POLL_MS = 1_500;

interface Waiting {
  readonly end: () => bigint;
  readonly act: () => void;
}

export class LogPoll {
  readonly #database: Database;
  readonly #tenants = new Map<string, Map<string, Waiting>>();
  #polling = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Calls `act` when the log no longer ends at `end`, or is gone. Returns a function that ends the watch. */
  watch(tenantId: string, conversationId: string, end: () => bigint, act: () => void): () => void {
    const logs = this.#tenants.get(tenantId) ?? new Map<string, Waiting>();
    const waiting = { end, act };
    this.#tenants.set(tenantId, logs.set(conversationId, waiting));
    this.#begin();
    return () => {
      if (logs.get(conversationId) === waiting) logs.delete(conversationId);
      if (logs.size === 0 && this.#tenants.get(tenantId) === logs) this.#tenants.delete(tenantId);
    };
  }

  #begin(): void {
    if (this.#polling || this.#tenants.size === 0) return;
    this.#polling = true;
    const look = () => {
      void this.#look().finally(() => {
        this.#polling = false;
        this.#begin();
      });
    };
    inBackground(() => setTimeout(look, POLL_MS)).unref();
  }

  async #look(): Promise<void> {
    for (const [tenantId, logs] of [...this.#tenants]) {
      const ends = await logEnds(this.#database, tenantId, [...logs.keys()]).catch(() => undefined);
      for (const [conversationId, { end, act }] of [...logs]) {
        if (ends === undefined || ends.get(conversationId) !== end()) act();
      }
    }
  }
}
