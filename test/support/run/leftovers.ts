// Finds processes that tests leave running, by a mark in their environment, which children inherit.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The variable that marks what a run starts. */
export const RUN_MARK = "TEST_RUN";
/** What is told to end may take so long, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Marks everything that is started from now on. */
export function markRun(): void {
  process.env[RUN_MARK] ??= randomUUID();
}

/** Starts a process that ends what is marked as soon as this one has ended, however it does. */
export function watchRun(): ChildProcess {
  const watch = spawn(process.execPath, [import.meta.filename], {
    stdio: ["pipe", "ignore", "inherit"],
    detached: true,
  });
  watch.unref();
  (watch.stdin as unknown as { unref(): void }).unref();
  return watch;
}

/** Ends what this run has left running, and gives its command lines. Empty where there is no /proc. */
export async function endLeftovers(patienceMs = PATIENCE_MS): Promise<string[]> {
  const until = performance.now() + patienceMs;
  while (marked().length > 0 && performance.now() < until) await delay(50);
  return marked().flatMap(({ pid, command }) => {
    try {
      process.kill(pid, "SIGKILL");
      return [`${pid} ${command}`];
    } catch {
      // It has ended just now.
      return [];
    }
  });
}

function marked(): { readonly pid: number; readonly command: string }[] {
  const mark = `${RUN_MARK}=${process.env[RUN_MARK]}`;
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      if (!readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(mark)) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      // The runner's own workers and the watch, and what has ended already.
      return command === "" || command.includes("vitest") || command.includes(import.meta.filename)
        ? []
        : [{ pid, command }];
    } catch {
      // It has ended, or is another account's.
      return [];
    }
  });
}

if (process.argv[1] === import.meta.filename) {
  // Its input ends with the run.
  for await (const _ of process.stdin);
  await endLeftovers(0);
}
