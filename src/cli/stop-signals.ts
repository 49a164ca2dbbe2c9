// SIGINT and SIGTERM, of which the first asks to stop and each further one not to wait; and SIGHUP, which asks to read files anew.
import cluster from "node:cluster";
import { isatty } from "node:tty";

/** As a shell tells of a process that a signal ended: 128 and the signal's number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

export interface StopSignals {
  /** Aborts on the first one. */
  readonly signal: AbortSignal;
  /** Waits for so many milliseconds, or until a further one comes. Outside of it, that one ends the process. */
  pause(ms: number): Promise<void>;
  /** What SIGHUP does. It ends nothing, unless the terminal has gone in which the process ran. */
  onReload(reload: () => void): void;
}

export function listenForStop(): StopSignals {
  const stop = new AbortController();
  let hurry: (() => void) | undefined;
  let reload = () => {};
  const inTerminal = isatty(0);
  const onSignal = (name: keyof typeof SIGNAL_STATUS) => {
    if (!stop.signal.aborted) stop.abort();
    else if (hurry !== undefined) hurry();
    else process.exit(SIGNAL_STATUS[name]);
  };
  process.on("SIGHUP", () => {
    if (!inTerminal || isatty(0)) reload();
    // The primary tells its workers.
    else if (!cluster.isWorker) onSignal("SIGTERM");
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // A terminal sends it to all processes at once; the primary tells its workers.
      if (name === "SIGINT" && cluster.isWorker) return;
      onSignal(name);
    });
  }
  return {
    signal: stop.signal,
    onReload(what) {
      reload = what;
    },
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
