// Batches concurrent sends to a conversation on this server: its row lock would serialize them anyway.

import { OwnCall } from "../../domain/background.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError } from "../../domain/errors.ts";
import type { Database } from "../database.ts";
import { overloaded } from "../driver/errors.ts";
import { namedFiles } from "../files/named-files.ts";
import { namesMessages, type Send, type SendManyRow, type SendRow, send, sendMany } from "./sends.ts";

interface Waiting extends Send {
  readonly signal: Interrupt | undefined;
  readonly resolve: (row: SendOutcome | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** A batch begins when the one before it ends, which was for other calls. */
  readonly call: OwnCall;
  /** Whether its caller has stopped waiting. */
  gone: boolean;
}

/** The outcome of a send; what was there before only where it has client ids. */
export type SendOutcome = SendRow & Partial<Pick<SendManyRow, "known" | "taken">>;

/** PostgreSQL's code for a unique violation, and how often a send is tried that met one. */
const UNIQUE_VIOLATION = "23505";
const ATTEMPTS = 3;

/** Maximum sends in a batch, and the characters of text that end one. */
const BATCH = 200;
const BATCH_TEXT = 1024 * 1024;
/** Maximum waiting sends to one conversation; the next is refused with OVERLOADED. */
const MAX_WAITING = 2_000;

/**
 * Sends at once if nothing runs in the conversation. Sends that arrive meanwhile wait, and then run in one statement:
 * one transaction, one flush, and an outcome for each, in order of arrival.
 */
export class SendQueue {
  readonly #database: Database;
  /** The waiting sends of each conversation with a running send. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined: the caller does not see the conversation. Throws database errors and the signal's reason. */
  send(wanted: Send, signal?: Interrupt): Promise<SendOutcome | undefined> {
    const place = `${wanted.caller.tenantId}/${wanted.conversationId.toLowerCase()}`;
    const waiting = this.#waiting.get(place);
    if (waiting !== undefined && waiting.length >= MAX_WAITING) {
      return Promise.reject(overloaded("too many sends wait for the conversation"));
    }
    if (waiting !== undefined) return this.#wait(waiting, wanted, signal);
    this.#waiting.set(place, []);
    return this.#single(wanted, signal).finally(() => this.#next(place));
  }

  async #single(wanted: Send, signal: Interrupt | undefined): Promise<SendOutcome | undefined> {
    if (!namesMessages(wanted)) return send(this.#database, wanted, signal);
    for (let attempt = 1; ; attempt++) {
      try {
        return (await sendMany(this.#database, [wanted], signal))[0];
      } catch (error) {
        // Another server has just stored a message with the same client id: the next attempt finds it.
        if ((error as { code?: unknown } | null)?.code !== UNIQUE_VIOLATION || attempt === ATTEMPTS) throw error;
      }
    }
  }

  #wait(waiting: Waiting[], wanted: Send, signal: Interrupt | undefined): Promise<SendOutcome | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const one: Waiting = { ...wanted, signal, resolve, reject, call: new OwnCall(), gone: false };
      signal?.addEventListener(
        "abort",
        () => {
          one.gone = true;
          reject(signal.reason);
        },
        { once: true },
      );
      waiting.push(one);
    });
  }

  /** Runs the waiting sends. Never rejects. */
  #next(place: string): void {
    const waiting = this.#waiting.get(place) ?? [];
    const batch = takeBatch(waiting);
    const [first] = batch;
    if (first === undefined) this.#waiting.delete(place);
    else first.call.run(() => this.#carryOut(batch)).finally(() => this.#next(place));
  }

  async #carryOut(batch: readonly Waiting[]): Promise<void> {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return this.#alone(only);
    const { signal, release } = whenAllAbort(batch);
    try {
      const rows = await sendMany(this.#database, batch, signal);
      batch.forEach((one, index) => {
        one.resolve(rows[index]);
      });
    } catch (error) {
      // A database failure applies to all; a statement error may be caused by a single send, and nothing was done.
      if (error instanceof DomainError || signal.aborted) for (const one of batch) one.reject(error);
      else for (const one of batch) await this.#alone(one);
    } finally {
      release();
    }
  }

  async #alone(one: Waiting): Promise<void> {
    if (one.gone) return;
    await one.call.run(() => this.#single(one, one.signal)).then(one.resolve, one.reject);
  }
}

/** The first sends that can run together: callers of one kind, no request id and no client id twice. */
function takeBatch(waiting: Waiting[]): Waiting[] {
  const batch: Waiting[] = [];
  const keys = new Set<string>();
  let text = 0;
  for (let one = waiting[0]; one !== undefined; one = waiting[0]) {
    const { caller, key } = one;
    const id = key && JSON.stringify([caller.name, key.method, key.key]);
    // A send with files has a statement of its own.
    const alone = namedFiles(one.drafts) !== undefined;
    const names = one.drafts.flatMap(({ clientId }) => (clientId === undefined ? [] : [`message ${clientId}`]));
    const full = batch.length === BATCH || (batch.length > 0 && text > BATCH_TEXT);
    if (
      full ||
      (alone && batch.length > 0) ||
      (id !== undefined && keys.has(id)) ||
      names.some((name) => keys.has(name))
    )
      break;
    if (batch[0] !== undefined && batch[0].caller.viewer.kind !== caller.viewer.kind) break;
    waiting.shift();
    if (one.gone) continue;
    batch.push(one);
    if (alone) break;
    if (id !== undefined) keys.add(id);
    for (const name of names) keys.add(name);
    for (const { content, parts = "" } of one.drafts) text += content.length + parts.length;
  }
  return batch;
}

/** A combined signal: aborts when no caller waits any more, to cancel the statement. */
function whenAllAbort(batch: readonly Waiting[]): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  let left = batch.length;
  const onAbort = () => {
    left--;
    if (left === 0) controller.abort(batch[0]?.signal?.reason);
  };
  for (const { signal } of batch) signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    release() {
      for (const { signal } of batch) signal?.removeEventListener("abort", onAbort);
    },
  };
}
