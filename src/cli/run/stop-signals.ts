// SIGINT and SIGTERM: the first one stops, each further one skips a wait. SIGHUP reloads files. Below npm, its end
// stops too.
import cluster from "node:cluster";
import { isatty } from "node:tty";

/** Exit status after a signal, as in a shell: 128 plus its number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

export interface StopSignals {
  /** Aborts on the first one. */
  readonly signal: AbortSignal;
  /** Waits `ms` milliseconds, or until a further signal. Outside of a pause, a further signal ends the process. */
  pause(ms: number): Promise<void>;
  /** Sets what SIGHUP does. It stops the process only if its terminal was closed. */
  onReload(reload: () => void): void;
}

/** How often it is seen whether the process that started this one is still there, in milliseconds. */
const PARENT_EVERY_MS = 250;

/** npm and npx run a command by a shell, which ends on SIGTERM without passing it on. */
function whenOrphaned(stop: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, PARENT_EVERY_MS);
  timer.unref();
}

/** @param onStop called with the first of them */
export function listenForStop(onStop: () => void): StopSignals {
  const stop = new AbortController();
  let hurry: (() => void) | undefined;
  let reload = () => {};
  const inTerminal = isatty(0);
  const onSignal = (name: keyof typeof SIGNAL_STATUS) => {
    if (!stop.signal.aborted) {
      onStop();
      stop.abort();
    } else if (hurry !== undefined) hurry();
    else process.exit(SIGNAL_STATUS[name]);
  };
  process.on("SIGHUP", () => {
    if (!inTerminal || isatty(0)) reload();
    // The primary stops its workers.
    else if (!cluster.isWorker) onSignal("SIGTERM");
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      // A terminal signals all processes at once; the primary stops its workers.
      if (name === "SIGINT" && cluster.isWorker) return;
      onSignal(name);
    });
  }
  if (process.env.npm_execpath !== undefined && !cluster.isWorker) {
    whenOrphaned(() => {
      if (!stop.signal.aborted) onSignal("SIGTERM");
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
