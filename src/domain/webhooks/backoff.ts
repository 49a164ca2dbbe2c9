// When a request that failed is sent again.

export interface BackoffTimes {
  /** The pause after the first failure, in milliseconds; each further one doubles it. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const BACKOFF: BackoffTimes = { firstMs: 5_000, longestMs: 15 * 60_000 };

/** A receiver that wants to be asked again sooner, or only after this long, in milliseconds, is not heeded. */
const SHORTEST_RETRY_AFTER_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60_000;

/**
 * The pause in milliseconds: what the receiver asked for, else exponential, a quarter more or less by chance, so that those
 * that failed together do not come back together.
 *
 * @param failures in a row, from 1 on
 */
export function pauseAfter(
  failures: number,
  retryAfterMs: number | undefined,
  { firstMs, longestMs }: BackoffTimes = BACKOFF,
  random: () => number = Math.random,
): number {
  if (retryAfterMs !== undefined) {
    return Math.min(Math.max(retryAfterMs, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_AFTER_MS);
  }
  const plain = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
  return Math.min(Math.max(plain * (0.75 + random() / 2), firstMs), longestMs);
}

/** `Retry-After` in milliseconds from now: seconds, or a date (RFC 9110, 10.2.3). Undefined: none, or neither. */
export function retryAfterOf(text: string | undefined, now: number): number | undefined {
  const trimmed = text?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(trimmed)) return Number(trimmed) * 1_000;
  if (!/^[A-Z][a-z]{2}/.test(trimmed)) return undefined;
  const at = Date.parse(trimmed);
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}
