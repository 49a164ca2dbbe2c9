// The head of a call whose AbortSignal is created on first use: every call has one, almost none needs it.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { CallSignal } from "./deadline.ts";

export abstract class LazySignalHead {
  #signal: CallSignal | undefined;
  #cancelled = false;
  #over = false;

  protected abstract makeSignal(): CallSignal;

  get signal(): AbortSignal {
    return this.#made().signal;
  }

  get interrupt(): Interrupt {
    return this.#made().interrupt;
  }

  /** The client is disconnected. */
  protected cancel(): void {
    this.#cancelled = true;
    if (!this.#over) this.#signal?.cancel();
  }

  /** The call is over: timers and listeners go. */
  release(): void {
    this.#over = true;
    this.#signal?.release();
  }

  #made(): CallSignal {
    if (this.#signal === undefined) {
      this.#signal = this.makeSignal();
      if (this.#cancelled) this.#signal.cancel();
    }
    return this.#signal;
  }
}
