// Tries a step of an upload or a download again while a failure may be gone the next time.
import { type Backoff, pauseMs, wait } from "../backoff.ts";
import { retryDelayOf } from "../reason.ts";
import { mayPass, type RetryOptions } from "../retry.ts";
import { ended } from "./send.ts";

export interface Persistence extends Backoff {
  /** How often in a row, without progress. */
  readonly retries: number;
}

export function persistenceOf({ retries = 10, initialMs = 100, maxMs = 5_000 }: RetryOptions = {}): Persistence {
  return { retries, initialMs, maxMs };
}

/** One of several tries in a row. */
export interface Try {
  /** 0: the first. */
  readonly attempt: number;
  /** What was reached makes the next failure the first again. */
  readonly progress: () => void;
}

/** @param also other failures after which to try again */
export async function persist<T>(
  { retries, ...backoff }: Persistence,
  signal: AbortSignal | undefined,
  step: (one: Try) => Promise<T>,
  also: (error: unknown) => boolean = () => false,
): Promise<T> {
  let failures = 0;
  const progress = () => {
    failures = 0;
  };
  for (let attempt = 0; ; attempt++) {
    try {
      return await step({ attempt, progress });
    } catch (error) {
      if (signal?.aborted) throw ended(signal);
      if (failures >= retries || !(mayPass(error) || also(error))) throw error;
      await wait(pauseMs(backoff, failures++, retryDelayOf(error)), signal).catch(() => {});
      if (signal?.aborted) throw ended(signal);
    }
  }
}
