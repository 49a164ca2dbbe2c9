// Hints: "look there, something is new". They wake readers early, and nothing but delay depends on them.

/**
 * `log`: the log of a conversation has grown. `turn`: a turn in it got text or ended. `cancel`: a turn shall end. `state`: a
 * turn began or ended, so that the next may begin.
 */
export type HintKind = "log" | "turn" | "cancel" | "state";

export interface Hint {
  readonly kind: HintKind;
  readonly tenantId: string;
  readonly conversationId: string;
}

/** What a reader waits for: hints of one kind, of one conversation or of a whole tenant. */
export interface HintTopic {
  readonly kind: HintKind;
  readonly tenantId: string;
  /** Undefined: every conversation of the tenant. */
  readonly conversationId?: string;
}

/** Wakes one reader. What comes between two waits is not lost: the next wait is over at once. */
export interface Waker {
  /** Resolves at the next hint, or after some milliseconds without one. Rejects with the signal's reason. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** The conversations that hints named since the last call; undefined: hints may have been lost, look everywhere. */
  named(): ReadonlySet<string> | undefined;
  close(): void;
}

/** Carries hints to the other servers on the database. What it loses or doubles does no harm. */
export interface HintCarrier {
  /** Begins. `receive` gets what other servers, or this one, have sent; undefined says that some may have been lost. */
  start(receive: (hints: readonly Hint[] | undefined) => void): Promise<void>;
  /** Sends a batch. Rejects if it could not: the hints are then lost. */
  send(hints: readonly Hint[]): Promise<void>;
  /** How many hints one batch may hold. */
  readonly batchSize: number;
  close(): Promise<void>;
}

export interface Hints {
  /** Tells everybody, soon. Costs its caller nothing. */
  publish(hint: Hint): void;
  listen(topic: HintTopic): Waker;
  close(): Promise<void>;
}

export interface HintsOptions {
  /** Default: none, hints stay in this process. */
  readonly carrier?: HintCarrier;
  /** Between two batches to other servers, in milliseconds. Default: 5. */
  readonly batchEveryMs?: number;
  /** False: nobody is woken at all, and readers live by their polls. Default: true. */
  readonly enabled?: boolean;
  /** Told when a batch could not be sent. */
  readonly onLost?: (error: unknown) => void;
}

/** More waiting hints than this are dropped: polls heal what that delays. */
const MAX_WAITING = 100_000;

/** Begins to carry hints. In one process alone that takes no carrier. */
export async function createHints(options: HintsOptions = {}): Promise<Hints> {
  const hints = new HintHub(options);
  await options.carrier?.start((received) => hints.deliver(received));
  return hints;
}

class HintHub implements Hints {
  readonly #options: HintsOptions;
  readonly #readers = new Map<string, Set<Reader>>();
  readonly #waiting = new Map<string, Hint>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(options: HintsOptions) {
    this.#options = options;
  }

  publish(hint: Hint): void {
    const { carrier, enabled = true } = this.#options;
    if (!enabled) return;
    this.#wake(hint);
    if (carrier === undefined || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(`${keyOf(hint)}`, hint);
    this.#timer ??= setTimeout(() => this.#flush(carrier), this.#options.batchEveryMs ?? 5);
  }

  deliver(received: readonly Hint[] | undefined): void {
    if (this.#options.enabled === false) return;
    if (received === undefined) {
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
    // The next batch waits for this one: a slow carrier gets larger batches, not more of them.
    void Promise.all([this.#sending, pause]).then(() => {
      this.#timer = undefined;
      if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#flush(carrier), 0);
    });
  }
}

function keyOf({ kind, tenantId, conversationId = "" }: HintTopic): string {
  return `${kind}/${tenantId}/${conversationId}`;
}

/** So many different conversations are remembered; past that a reader looks everywhere. */
const MAX_NAMED = 1_000;

class Reader implements Waker {
  readonly #onClose: () => void;
  #awake = false;
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

  named(): ReadonlySet<string> | undefined {
    const named = this.#named;
    this.#named = new Set();
    return named;
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#awake) await this.#sleep(ms, signal);
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
    this.#onClose();
    this.#resolve?.();
  }
}
