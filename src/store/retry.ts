// Retries work while the database is busy or unavailable.
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError, ErrorReason } from "../domain/errors.ts";

const FIRST_PAUSE_MS = 50;
/** A database that cannot be reached is asked this often. */
const LONGEST_PAUSE_MS = 1_000;
/** A refusal of our own queue costs nothing, and one pause in many falls on a moment with room. */
const LONGEST_BUSY_PAUSE_MS = 200;

/**
 * Retries idempotent work while the database is busy or unavailable, for at most `forMs` milliseconds. For work that no
 * caller could retry. Pauses are drawn at random, so that it does not keep step with what crowds it out. Throws the
 * last error, or the signal's reason.
 */
export async function patiently<T>(work: () => Promise<T>, forMs: number, signal?: AbortSignal): Promise<T> {
  const until = performance.now() + forMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const ms = pauseAfter(error, attempt);
      if (ms === undefined || performance.now() >= until) throw error;
      await pause(ms, signal);
    }
  }
}

/**
 * How long to wait after a failed attempt, counted from 0, in milliseconds. Undefined: the error does not pass by
 * waiting.
 */
export function pauseAfter(error: unknown, attempt: number): number | undefined {
  const longest = longestPause(error);
  return longest && Math.min(FIRST_PAUSE_MS * 2 ** attempt, longest) * (0.5 + Math.random() / 2);
}

function longestPause(error: unknown): number | undefined {
  if (!(error instanceof DomainError)) return undefined;
  if (error.reason === ErrorReason.OVERLOADED) return LONGEST_BUSY_PAUSE_MS;
  return error.reason === ErrorReason.DATABASE_UNAVAILABLE ? LONGEST_PAUSE_MS : undefined;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { ...(signal && { signal }) });
  } catch {
    signal?.throwIfAborted();
  }
}
