// Visibility checks of followers: those within a few milliseconds share a statement.
import type { Caller } from "../../domain/identity/caller.ts";
import type { Database } from "../../store/database.ts";
import { readVisible, type Sight } from "../../store/messages/messages.ts";

/** How long to wait for other checks, in milliseconds: timers for the same moment do not all fire together. */
const GATHER_MS = 5;
/** Checks in one statement. */
const MAX_AT_ONCE = 500;

interface Asking extends Sight {
  readonly answers: Array<PromiseWithResolvers<boolean>>;
}

export class Rights {
  readonly #database: Database;
  /** By tenant and kind of viewer, then by viewer and conversation: equal checks share a result. */
  readonly #batches = new Map<string, Map<string, Asking>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Whether the caller sees the conversation, deleted or not. Rejects with the signal's reason, or with a database
   * error.
   */
  async sees(caller: Caller, conversationId: string, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const answer = Promise.withResolvers<boolean>();
    const onAbort = () => answer.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#ask(caller, conversationId, answer);
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #ask({ tenantId, viewer, memberId }: Caller, conversationId: string, answer: PromiseWithResolvers<boolean>): void {
    const group = `${viewer.kind}/${tenantId}`;
    let batch = this.#batches.get(group);
    if (batch === undefined) {
      batch = new Map();
      this.#batches.set(group, batch);
      setTimeout(() => this.#send(group, tenantId, viewer.kind), GATHER_MS);
    }
    // Viewers that see the whole tenant share one check.
    const viewerId = viewer.kind === "tenant" ? null : memberId;
    const key = JSON.stringify([conversationId, viewerId]);
    const asking = batch.get(key);
    if (asking) asking.answers.push(answer);
    else batch.set(key, { viewerId, conversationId, answers: [answer] });
  }

  #send(group: string, tenantId: string, kind: Caller["viewer"]["kind"]): void {
    const all = [...(this.#batches.get(group)?.values() ?? [])];
    this.#batches.delete(group);
    for (let first = 0; first < all.length; first += MAX_AT_ONCE) {
      void this.#answer(tenantId, kind, all.slice(first, first + MAX_AT_ONCE));
    }
  }

  async #answer(tenantId: string, kind: Caller["viewer"]["kind"], all: readonly Asking[]): Promise<void> {
    try {
      const seen = await readVisible(this.#database, tenantId, kind, all);
      for (const asking of all) for (const { resolve } of asking.answers) resolve(seen.has(asking));
    } catch (error) {
      for (const { answers } of all) for (const { reject } of answers) reject(error);
    }
  }
}
