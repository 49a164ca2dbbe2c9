// Limits how many calls of a function run at once; the others wait, first come, first served.

/** Wraps a function so that at most `most` of its calls run at once. */
export function limitConcurrency<Args extends readonly unknown[], Result>(
  max: number,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  const waiting: Array<() => void> = [];
  let running = 0;
  return async (...args) => {
    // A call that ends hands its slot to the first that waits, so no later call can take it.
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work(...args);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
