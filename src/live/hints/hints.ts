// Hints that something has changed. They wake readers early; a lost hint only causes delay.
import { inBackground } from "../../domain/background.ts";
import { type SignalCarrier, Signals } from "../signals/signals.ts";

/**
 * `log`: the log of a conversation has grown. `turn`: a turn got text or ended. `cancel`: a turn is to be cancelled.
 * `state`: a turn began or ended, so the next one may begin. `access`: others may see the conversation than before.
 */
export type HintKind = "log" | "turn" | "cancel" | "state" | "access";

export interface Hint {
  readonly kind: HintKind;
  readonly tenantId: string;
  readonly conversationId: string;
}

/** What a reader waits for: hints of one kind, for one conversation or a whole tenant. */
export interface HintTopic {
  readonly kind: HintKind;
  readonly tenantId: string;
  /** Undefined: every conversation of the tenant. */
  readonly conversationId?: string;
}

/** Wakes one reader. A hint between two waits is not lost: the next wait resolves at once. */
export interface Waker {
  /** Resolves at the next hint, after `ms` milliseconds, or when it is closed. Rejects with the signal's reason. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** Whether a hint has come since the last call of this, or wait. */
  woken(): boolean;
  /** The conversations named by hints since the last call; undefined: hints may have been lost, so check all. */
  named(): ReadonlySet<string> | undefined;
  close(): void;
}

/** Transports hints to the other servers on the database. It may lose or duplicate hints. */
export interface HintCarrier {
  /**
   * Starts. `receive` gets hints of other servers and this one; undefined: some may have been lost. `receiveSignals`
   * gets texts that `signals` sends.
   */
  start(receive: (hints: readonly Hint[] | undefined) => void, receiveSignals?: (text: string) => void): Promise<void>;
  /** Sends a batch. Rejects on failure: the hints are then lost. */
  send(hints: readonly Hint[]): Promise<void>;
  /** Maximum hints in a batch. */
  readonly batchSize: number;
  /** Carries signals. Default: they stay in this process. */
  readonly signals?: SignalCarrier;
  close(): Promise<void>;
}

export interface Hints {
  /** Queues a hint for all servers. Never blocks. */
  publish(hint: Hint): void;
  listen(topic: HintTopic): Waker;
  /** They travel with the hints. */
  readonly signals: Signals;
  close(): Promise<void>;
}

export interface HintsOptions {
  /** Default: none, hints stay in this process. */
  readonly carrier?: HintCarrier;
  /** Minimum time between two batches to other servers, in milliseconds. Default: 5. */
  readonly batchEveryMs?: number;
  /** False: no reader is woken, all depend on polls. Default: true. */
  readonly enabled?: boolean;
  /** Called when a batch could not be sent. */
  readonly onLost?: (error: unknown) => void;
}

/** Further queued hints are dropped: polls make up for them. */
const MAX_WAITING = 100_000;

/** Starts hints. A single process needs no carrier. */
export async function createHints(options: HintsOptions = {}): Promise<Hints> {
  const hints = new HintHub(options);
  await options.carrier?.start(
    (received) => hints.deliver(received),
    (text) => hints.signals.receive(text),
  );
  return hints;
}

class HintHub implements Hints {
  readonly signals: Signals;
  readonly #options: HintsOptions;
  readonly #readers = new Map<string, Set<Reader>>();
  readonly #waiting = new Map<string, Hint>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(options: HintsOptions) {
    this.#options = options;
    const { enabled = true, carrier, onLost = () => {} } = options;
    this.signals = new Signals(enabled, carrier?.signals, onLost);
  }

  publish(hint: Hint): void {
    const { carrier, enabled = true } = this.#options;
    if (!enabled) return;
    this.#wake(hint);
    if (carrier === undefined || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(`${keyOf(hint)}`, hint);
    this.#timer ??= inBackground(() => setTimeout(() => this.#flush(carrier), this.#options.batchEveryMs ?? 5));
  }

  deliver(received: readonly Hint[] | undefined): void {
    if (this.#options.enabled === false) return;
    if (received === undefined) {
      this.signals.missed();
      for (const readers of this.#readers.values()) for (const reader of readers) reader.wake(undefined);
    } else {
      for (const hint of received) this.#wake(hint);
    }
  }

  listen(topic: HintTopic): Waker {
    const key = keyOf(topic);
    const readers = this.#readers.get(key) ?? new Set();
    const reader = new Reader(() => {
      readers.delete(reader);
      if (readers.size === 0 && this.#readers.get(key) === readers) this.#readers.delete(key);
    });
    this.#readers.set(key, readers.add(reader));
    return reader;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
    await this.signals.close();
    await this.#options.carrier?.close();
  }

  #wake(hint: Hint): void {
    const { kind, tenantId, conversationId } = hint;
    for (const key of [keyOf(hint), keyOf({ kind, tenantId })]) {
      for (const reader of this.#readers.get(key) ?? []) reader.wake(conversationId);
    }
  }

  #flush(carrier: HintCarrier): void {
    const batch: Hint[] = [];
    for (const [key, hint] of this.#waiting) {
      if (batch.length === carrier.batchSize) break;
      batch.push(hint);
      this.#waiting.delete(key);
    }
    const pause = new Promise((resolve) => setTimeout(resolve, this.#options.batchEveryMs ?? 5));
    this.#sending = carrier.send(batch).catch((error: unknown) => this.#options.onLost?.(error));
    // The next batch waits for this one: a slow carrier gets larger batches, not more.
    void Promise.all([this.#sending, pause]).then(() => {
      this.#timer = undefined;
      if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#flush(carrier), 0);
    });
  }
}

function keyOf({ kind, tenantId, conversationId = "" }: HintTopic): string {
  return `${kind}/${tenantId}/${conversationId}`;
}

/** Conversations remembered for a reader; beyond that it checks all. */
const MAX_NAMED = 1_000;

class Reader implements Waker {
  readonly #onClose: () => void;
  #awake = false;
  #closed = false;
  #named: Set<string> | undefined = new Set();
  #resolve: (() => void) | undefined;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  wake(conversationId: string | undefined): void {
    this.#awake = true;
    if (conversationId === undefined || (this.#named?.size ?? 0) >= MAX_NAMED) this.#named = undefined;
    else this.#named?.add(conversationId);
    this.#resolve?.();
  }

  woken(): boolean {
    const woken = this.#awake;
    this.#awake = false;
    return woken;
  }

  named(): ReadonlySet<string> | undefined {
    const named = this.#named;
    this.#named = new Set();
    return named;
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#awake && !this.#closed) await this.#sleep(ms, signal);
    this.#awake = false;
    signal?.throwIfAborted();
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        this.#resolve = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
      this.#resolve = done;
    });
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
    this.#resolve?.();
  }
}
