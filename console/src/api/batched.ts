// Reads of single things that are one call together: what is asked for in the same moment.

/** So long it is collected, in milliseconds: a page of rows is drawn in less. */
const COLLECT_MS = 20;

/**
 * @param read what there is of so many keys, by key
 * @param most of keys in a call
 * @returns reads one; null: there is none
 */
export function batched<V>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  most: number,
): (key: string) => Promise<V | null> {
  let wanted = new Map<string, PromiseWithResolvers<V | null>>();
  const readAll = async (batch: readonly (readonly [string, PromiseWithResolvers<V | null>])[]) => {
    try {
      const found = await read(batch.map(([key]) => key));
      for (const [key, { resolve }] of batch) resolve(found.get(key) ?? null);
    } catch (error) {
      for (const [, { reject }] of batch) reject(error);
    }
  };
  const flush = () => {
    const all = [...wanted];
    wanted = new Map();
    for (let begin = 0; begin < all.length; begin += most) void readAll(all.slice(begin, begin + most));
  };
  return (key) => {
    if (wanted.size === 0) setTimeout(flush, COLLECT_MS);
    const one = wanted.get(key) ?? Promise.withResolvers<V | null>();
    wanted.set(key, one);
    return one.promise;
  };
}
