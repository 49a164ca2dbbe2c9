// When a request that failed is sent again.

export interface BackoffTimes {
  /** The pause after the first failure, in milliseconds; each further one doubles it. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const BACKOFF: BackoffTimes = { firstMs: 5_000, longestMs: 15 * 60_000 };

/** A receiver that wants to be asked again sooner, or only later than this, in milliseconds, is not heeded. */
const SHORTEST_RETRY_AFTER_MS = 1_000;
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60_000;

/**
 * The pause in milliseconds: what the receiver asked for, else exponential, a quarter more or less by chance, so that
 * those that failed together do not come back together.
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

/**
 * `Retry-After` in milliseconds from now: seconds, or a date (RFC 9110, 10.2.3). Undefined: neither, or no time that is
 * still to come, such as 0 or a date in the past, which must not make the pauses shorter.
 */
export function retryAfterOf(text: string | undefined, now: number): number | undefined {
  const trimmed = text?.trim() ?? "";
  const ms = /^[0-9]+$/.test(trimmed) ? Number(trimmed) * 1_000 : millisecondsUntil(trimmed, now);
  return ms > 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
}

/** Not a number: it is no date. */
function millisecondsUntil(text: string, now: number): number {
  return /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) - now : Number.NaN;
}
