// The end of an attempt.

export interface AttemptLimit {
  readonly signal: AbortSignal;
  end(): void;
}

/**
 * A signal that aborts with another, or after a time. Thousands of requests end within a second: `AbortSignal.timeout`
 * would keep the timer and the signal of each for all of its time.
 */
export function limitOf(outer: AbortSignal, ms: number): AttemptLimit {
  const ending = new AbortController();
  const abort = () => ending.abort();
  const timer = setTimeout(abort, ms);
  if (outer.aborted) abort();
  else outer.addEventListener("abort", abort, { once: true });
  return {
    signal: ending.signal,
    end() {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
    },
  };
}
