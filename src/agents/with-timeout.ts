// Waits for a promise with a timeout.

/** The result of the promise; undefined after `ms` milliseconds. Rejects with the signal's reason. */
export function withTimeout<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise<T | undefined>((resolve, reject) => {
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const timer = setTimeout(resolve, Math.max(ms, 0), undefined);
    // The promise may never settle, and must not keep the process by a timer.
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(end);
  });
}
