// Those who share one thing, which ends with the last of them.

export class Members {
  readonly #onEmpty: () => void;
  #count = 0;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  /** Counts one more; what it gives counts it off, once however often it is called. */
  join(): () => void {
    this.#count++;
    let joined = true;
    return () => {
      if (!joined) return;
      joined = false;
      this.#count--;
      if (this.#count === 0) this.#onEmpty();
    };
  }
}
