// When followers' rights are looked at again.

const SLOT_MS = 250;

/**
 * The next time, in terms of `performance.now()`: after at most `afterMs` milliseconds. Up to a fifth less, so that
 * thousands of streams that began together do not all check together; then rounded down to a slot, so that checks at
 * about the same time share a statement.
 */
export function nextRecheck(afterMs: number): number {
  const latest = performance.now() + afterMs * (1 - Math.random() / 5);
  return Math.floor(latest / SLOT_MS) * SLOT_MS;
}
