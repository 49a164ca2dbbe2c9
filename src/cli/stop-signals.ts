// SIGINT and SIGTERM: the first asks to stop, and each further one asks not to wait.
import cluster from "node:cluster";

/** As a shell tells of a process that a signal ended: 128 and the signal's number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

export interface StopSignals {
  /** Aborts on the first one. */
  readonly signal: AbortSignal;
  /** Waits for so many milliseconds, or until a further one comes. Outside of it, that one ends the process. */
  pause(ms: number): Promise<void>;
}

export function listenForStop(): StopSignals {
  const stop = new AbortController();
  let hurry: (() => void) | undefined;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // A terminal sends it to all processes at once; the primary tells its workers.
      if (name === "SIGINT" && cluster.isWorker) return;
      if (!stop.signal.aborted) stop.abort();
      else if (hurry !== undefined) hurry();
      else process.exit(SIGNAL_STATUS[name]);
    });
  }
  return {
    signal: stop.signal,
    async pause(ms) {
      if (ms <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      hurry = undefined;
    },
  };
}
