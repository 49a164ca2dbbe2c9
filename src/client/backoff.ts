// How long to wait before trying again.

export interface Backoff {
  /** The longest first wait, in milliseconds. */
  readonly initialMs: number;
  /** No wait is longer, in milliseconds. */
  readonly maxMs: number;
}

/** Exponential, with full jitter: clients that were cut off together do not come back together. */
export function backoffMs({ initialMs, maxMs }: Backoff, attempt: number): number {
  return Math.random() * Math.min(maxMs, initialMs * 2 ** Math.min(attempt, 30));
}

/**
 * After a failure for which the server may have asked for a pause: that, and some more, since it asks all of those for
 * the same that it refuses at once.
 *
 * @param askedMs undefined: it said nothing
 */
export function pauseMs(backoff: Backoff, attempt: number, askedMs: number | undefined): number {
  if (askedMs === undefined) return backoffMs(backoff, attempt);
  return askedMs + backoffMs({ ...backoff, initialMs: Math.max(backoff.initialMs, askedMs / 2) }, attempt);
}

/** Resolves after some milliseconds; rejects with the signal's reason when it aborts. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
