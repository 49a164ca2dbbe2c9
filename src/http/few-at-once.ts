// Work of which only so much is done at once; the rest waits, in the order in which it came.

/** Wraps a function: at most `most` of its calls are under way. */
export function fewAtOnce<Args extends readonly unknown[], Result>(
  most: number,
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  const waiting: Array<() => void> = [];
  let underWay = 0;
  return async (...args) => {
    // Whoever ends hands its place on, so nobody can come in between.
    if (underWay >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay++;
    try {
      return await work(...args);
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay--;
      else next();
    }
  };
}
