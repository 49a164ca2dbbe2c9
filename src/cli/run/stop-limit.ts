// The time limit of a stop: after it the process reports what it waited for, and exits.
import type { Logger } from "pino";

/** The exit status of a process that did not wait for everything. */
const CUT_STATUS = 1;

export interface StopLimit {
  /** Says in words, for the log, what the process waits for from now on. */
  waitsFor(what: string): void;
  /** Starts the time limit: the process was asked to stop. Calling it again has no effect. */
  begin(): void;
  /** Aborts when the time is over, just before the process ends: listeners end at once what must not outlive it. */
  readonly over: AbortSignal;
}

export interface StopLimitOptions {
  /** In milliseconds. */
  readonly limitMs: number;
  readonly logger: Logger;
  /** Ends the process at once. */
  readonly exit: (status: number) => void;
}

export function createStopLimit({ limitMs, logger, exit }: StopLimitOptions): StopLimit {
  const over = new AbortController();
  let waitingFor = "the command";
  let begun = false;
  const cut = () => {
    const open = Object.groupBy(process.getActiveResourcesInfo(), (resource) => resource);
    const resources = Object.fromEntries(Object.entries(open).map(([name, all = []]) => [name, all.length]));
    logger.error(
      { waiting_for: waitingFor, limit_ms: limitMs, resources },
      "the stop took too long: the process ends without waiting any longer",
    );
    over.abort();
    exit(CUT_STATUS);
  };
  return {
    over: over.signal,
    waitsFor(what) {
      waitingFor = what;
    },
    begin() {
      if (begun) return;
      begun = true;
      // It keeps no process that has nothing else left.
      setTimeout(cut, limitMs).unref();
    },
  };
}
