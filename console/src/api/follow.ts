// Follows a log for as long as its reader wants: whatever ends the stream, another one goes on where it was.
import { Code, ConnectError } from "@connectrpc/connect";
import { type Backoff, pauseMs, wait } from "../../../src/client/backoff.ts";
import { retryDelayOf } from "../../../src/client/reason.ts";

export interface Following {
  /** A stream from the last entry on. It may end by itself, or throw. */
  open(signal: AbortSignal): AsyncIterable<unknown>;
  /** It ended, as when the caller may see less than before or the log is deleted. Told once, until `back`. */
  lost(): void;
  /** Another one goes on. What happened meanwhile may be more than it brings. */
  back(): void;
  /** Told of each refusal, before the next try. */
  refused?(error: ConnectError): void;
}

/** A try that is refused has a place in the server's limits, and the rights of a caller change seldom. */
const BACKOFF: Backoff = { initialMs: 500, maxMs: 15_000 };
/** A stream that is refused ends sooner; one that stands may say nothing for longer. */
const STANDS_MS = 2_000;

/** Resolves when the signal aborts, or when the caller's credential is refused: the session is over then. */
export async function follow({ open, lost, back, refused }: Following, signal: AbortSignal): Promise<void> {
  let isLost = false;
  const stands = () => {
    if (isLost && !signal.aborted) back();
    isLost = false;
  };
  for (let ends = 0; ; ends++) {
    const opened = performance.now();
    const standing = setTimeout(stands, STANDS_MS);
    let error: unknown;
    try {
      for await (const _ of open(signal)) stands();
    } catch (cause) {
      error = cause;
    }
    clearTimeout(standing);
    if (signal.aborted) return;
    if (error !== undefined) {
      const refusal = ConnectError.from(error);
      if (refusal.code === Code.Unauthenticated) return;
      refused?.(refusal);
    }
    if (!isLost) lost();
    isLost = true;
    if (performance.now() - opened > BACKOFF.maxMs) ends = 0;
    try {
      await wait(pauseMs(BACKOFF, ends, retryDelayOf(error)), signal);
    } catch {
      return;
    }
  }
}
