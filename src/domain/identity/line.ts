// Items in the order in which they came: the first and the last are found at once, and any may leave, however many wait.

export class Line<T extends object> {
  readonly #waiting = new Set<T>();
  /** In the same order, with some that have left: a Set does not give its last. */
  #came: T[] = [];

  get size(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    this.#waiting.add(item);
    this.#came.push(item);
  }

  /** False if it does not wait. */
  delete(item: T): boolean {
    if (!this.#waiting.delete(item)) return false;
    // Rarely enough that a deletion costs the same on average.
    if (this.#came.length > 2 * this.#waiting.size + 8) this.#came = [...this.#waiting];
    return true;
  }

  first(): T | undefined {
    for (const item of this.#waiting) return item;
    return undefined;
  }

  last(): T | undefined {
    for (let last = this.#came.at(-1); last !== undefined; last = this.#came.at(-1)) {
      if (this.#waiting.has(last)) return last;
      this.#came.pop();
    }
    return undefined;
  }
}
