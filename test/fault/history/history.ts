// What clients invoked and what they were told, in one order of time.

/** Where a written text stands, as its writer was told. */
export interface Place {
  readonly seq: bigint;
  readonly id: string;
}

/**
 * How a write ended for its writer. `failed`: it was told that nothing happened. `unknown`: it was told nothing, or
 * that nobody knows.
 */
export type Outcome =
  | { readonly kind: "acknowledged"; readonly places: readonly Place[] }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "unknown"; readonly why: string };

/** One write: texts that are sent together, all or none. */
export interface Write {
  readonly conversationId: string;
  /** Each occurs in one write only: by its text a stored message is known. */
  readonly texts: readonly string[];
  /** When it was invoked and when it ended, on the history's own clock, which counts events. */
  readonly invoked: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** One read: what stood where, in the order in which it was shown. */
export interface Read {
  readonly conversationId: string;
  /** The place after which it looked. */
  readonly afterSeq: bigint;
  readonly shown: readonly { readonly seq: bigint; readonly text: string }[];
  readonly invoked: number;
  readonly ended: number;
}

/** Records one run. All clients run in this process, so a counter is a clock that all agree on. */
export class History {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  /** Writes that have begun and not ended: their outcome is unknown until it comes. */
  readonly #open = new Map<symbol, Omit<Write, "ended" | "outcome">>();
  #clock = 0;

  /** Runs a write and records it. `act` answers how it ended; if it throws, nobody knows. */
  async write(conversationId: string, texts: readonly string[], act: () => Promise<Outcome>): Promise<Outcome> {
    const key = Symbol();
    const begun = { conversationId, texts, invoked: this.#clock++ };
    this.#open.set(key, begun);
    let outcome: Outcome;
    try {
      outcome = await act();
    } catch (error) {
      outcome = { kind: "unknown", why: String(error) };
    }
    this.#open.delete(key);
    this.writes.push({ ...begun, ended: this.#clock++, outcome });
    return outcome;
  }

  /** Runs a read and records what it showed. A read that throws showed nothing. */
  async read(conversationId: string, afterSeq: bigint, act: () => Promise<Read["shown"]>): Promise<Read["shown"]> {
    const invoked = this.#clock++;
    const shown = await act();
    this.reads.push({ conversationId, afterSeq, shown, invoked, ended: this.#clock++ });
    return shown;
  }

  /** Every write, those that have not ended among them. */
  all(): Write[] {
    const open = [...this.#open.values()].map(
      (begun): Write => ({ ...begun, ended: Infinity, outcome: { kind: "unknown", why: "it has not ended" } }),
    );
    return [...this.writes, ...open];
  }

  /** How many texts were acknowledged, refused and left unknown. */
  count(): { acknowledged: number; failed: number; unknown: number } {
    const count = { acknowledged: 0, failed: 0, unknown: 0 };
    for (const { outcome, texts } of this.all()) count[outcome.kind] += texts.length;
    return count;
  }
}
