// Whether the server is ready, checked once for all concurrent probes.

export interface ReadinessOptions {
  /** How long a result is cached, in milliseconds. Default: 500. */
  readonly freshMs?: number;
  /** Milliseconds by a clock that is never set. */
  readonly now?: () => number;
}

/**
 * Asks the database by `ping`, which rejects if it does not answer. Who asks needs no credential, and may ask or watch
 * as often as it likes: all who ask within a moment share one ping, so that they take no connections from calls.
 */
export function createReadiness(
  ping: () => Promise<void>,
  { freshMs = 500, now = () => performance.now() }: ReadinessOptions = {},
): () => Promise<boolean> {
  let asking: Promise<boolean> | undefined;
  let freshUntil = Number.NEGATIVE_INFINITY;
  let last = false;
  const ask = async () => {
    last = await ping().then(
      () => true,
      () => false,
    );
    freshUntil = now() + freshMs;
    asking = undefined;
    return last;
  };
  return async () => {
    if (now() < freshUntil) return last;
    asking ??= ask();
    return asking;
  };
}
