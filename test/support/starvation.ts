// A busy machine: programs that use all processor time, and a process that is stopped most of the time.
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { startChild } from "./child.ts";

/** Processes that only compute, until they are disposed of. */
export function startHogs(count: number): Disposable {
  const hogs = Array.from({ length: count }, () =>
    startChild("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  return {
    [Symbol.dispose]() {
      for (const hog of hogs) hog.kill("SIGKILL");
    },
  };
}

/** Gives every thread of a process this niceness. */
export function renice(pid: number, niceness: number): void {
  spawnSync("sh", ["-c", `for task in /proc/${pid}/task/*; do renice -n ${niceness} -p "\${task##*/}"; done`]);
}

/** Stops a process again and again, until it is disposed of: then it runs. */
export function holdUp(pid: number, { stoppedMs, runningMs }: { stoppedMs: number; runningMs: number }) {
  let over = false;
  const held = (async () => {
    while (!over) {
      process.kill(pid, "SIGSTOP");
      await delay(stoppedMs);
      process.kill(pid, "SIGCONT");
      await delay(runningMs);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      await held;
    },
  };
}

/** Holds this thread without a use of the processor, as a busy machine does. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Uses the processor for so long. */
export function compute(ms: number): void {
  const used = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  const until = used() + ms;
  while (used() < until);
}
