// Converts what an iterable gives, one by one. No generator: the frame of one that waits for its reader would hold both
// the value and what is made of it, which may be megabytes for each of many slow readers.

/**
 * @param make throws to end the iteration, also that of the source
 */
export function converted<T, U>(values: AsyncIterable<T>, make: (value: T) => U | Promise<U>): AsyncIterable<U> {
  return { [Symbol.asyncIterator]: () => new Converting(values[Symbol.asyncIterator](), make) };
}

class Converting<T, U> implements AsyncIterator<U, undefined> {
  readonly #source: AsyncIterator<T>;
  readonly #make: (value: T) => U | Promise<U>;

  constructor(source: AsyncIterator<T>, make: (value: T) => U | Promise<U>) {
    this.#source = source;
    this.#make = make;
  }

  async next(): Promise<IteratorResult<U, undefined>> {
    const { done, value } = await this.#source.next();
    if (done === true) return OVER;
    try {
      return { done: false, value: await this.#make(value) };
    } catch (error) {
      await leave(this.#source);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<U, undefined>> {
    await this.#source.return?.();
    return OVER;
  }
}

const OVER = { done: true, value: undefined } as const;

/** Leaves a source because of an error, which is thrown in place of what the source says to it. */
export async function leave(source: AsyncIterator<unknown>): Promise<void> {
  await Promise.resolve(source.return?.()).catch(() => {});
}
