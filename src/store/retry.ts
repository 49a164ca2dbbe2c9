// Retries work while the database is busy or unavailable.
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError, ErrorReason } from "../domain/errors.ts";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Retries idempotent work while the database is busy or unavailable, for at most `forMs` milliseconds. For work that no
 * caller could retry. Throws the last error, or the signal's reason.
 */
export async function patiently<T>(work: () => Promise<T>, forMs: number, signal?: AbortSignal): Promise<T> {
  const until = performance.now() + forMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!passes(error) || performance.now() >= until) throw error;
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS), signal);
    }
  }
}

/** Whether an error may pass by waiting. */
function passes(error: unknown): boolean {
  if (!(error instanceof DomainError)) return false;
  return error.reason === ErrorReason.OVERLOADED || error.reason === ErrorReason.DATABASE_UNAVAILABLE;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { ...(signal && { signal }) });
  } catch {
    signal?.throwIfAborted();
  }
}
