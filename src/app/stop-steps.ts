// The steps of a stop between the last call and the database: each is waited for, all of them together for a bounded
// time.
import type { Logger } from "pino";

export interface StopStepsOptions {
  /** How long all steps together may take, in milliseconds. */
  readonly limitMs: number;
  readonly logger: Logger;
  /** Told, in words, of each step as it begins. */
  readonly waitsFor: (what: string) => void;
}

/** Runs one step, and waits for it. `what` says in words what is waited for. */
export type StopStep = (what: string, end: () => Promise<unknown>) => Promise<void>;

/**
 * A statement that an unresponsive database never completes would block a step for ever. It ends when the database is
 * closed, which comes after the steps: so a step that takes too long is left behind, and those after it are begun all
 * the same.
 */
export function createStopSteps({ limitMs, logger, waitsFor }: StopStepsOptions): StopStep {
  let until: number | undefined;
  return async (what, end) => {
    waitsFor(what);
    until ??= performance.now() + limitMs;
    const ending = end();
    if (await settlesBy(ending, until)) return;
    logger.warn({ waiting_for: what, limit_ms: limitMs }, "a step of the stop takes too long: it goes on without it");
    ending.catch((error: unknown) =>
      logger.warn({ err: error, step: what }, "a step of the stop that was left failed"),
    );
  };
}

/** Whether it is fulfilled by then. Rejects as it does. */
async function settlesBy(ending: Promise<unknown>, until: number): Promise<boolean> {
  const over = Promise.withResolvers<false>();
  const timer = setTimeout(() => over.resolve(false), Math.max(until - performance.now(), 0));
  try {
    return await Promise.race([ending.then(() => true), over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
