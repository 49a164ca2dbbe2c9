// A busy machine: programs that use all processor time, and a process that is stopped most of the time.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { startChild } from "../run/child.ts";

/** Processes that only compute, until they are disposed of; on one processor alone where it is given. */
export function startHogs(count: number, processor?: string): Disposable {
  const hog = ["sh", "-c", "while :; do :; done"];
  const [program = "", ...words] = processor === undefined ? hog : ["taskset", "-c", processor, ...hog];
  const hogs = Array.from({ length: count }, () => startChild(program, words, { stdio: "ignore" }));
  return {
    [Symbol.dispose]() {
      for (const hog of hogs) hog.kill("SIGKILL");
    },
  };
}

/** Lets a process run on one processor alone, which a single hog fills; gives its number. */
export function holdToOne(pid: number): string {
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  const processor = allowed?.[1] ?? "0";
  spawnSync("taskset", ["-acp", processor, String(pid)]);
  return processor;
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
