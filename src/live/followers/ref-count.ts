// A reference count: the shared resource is released with the last user.

export class Members {
  readonly #onEmpty: () => void;
  #count = 0;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  /** Adds a user. Returns a function that removes it; further calls have no effect. */
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
