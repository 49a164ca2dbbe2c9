// Processes that die or stop without a word.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The processes whose parent is this one. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number {
  try {
    // Field 4 of proc(5)'s stat; the second, in brackets, may hold anything.
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
  } catch {
    return 0;
  }
}

/** What a process calls itself, such as `postgres: colloquy colloquy [local] idle`. */
export function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Sends a signal; a process that is gone already is as good. */
export function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** How PostgreSQL can die. `whole`: every process at once, as when the machine's memory killer goes round. */
export const CRASHES = ["postmaster", "backend", "whole"] as const;
export type Crash = (typeof CRASHES)[number];

/** kill -9 to PostgreSQL, or a part of it. After a backend's death the postmaster ends all the others and recovers. */
export function crashPostgres(postmaster: number, crash: Crash): void {
  const children = childrenOf(postmaster);
  if (crash === "backend") {
    const [backend] = children.filter((pid) => / \[local\] | 127\.0\.0\.1/.test(titleOf(pid)));
    kill(backend ?? postmaster);
    return;
  }
  kill(postmaster);
  if (crash === "whole") for (const pid of children) kill(pid);
}

/** Stops processes for a while, as an overloaded host does, and lets them go on. */
export async function suspend(pids: readonly number[], milliseconds: number): Promise<void> {
  for (const pid of pids) kill(pid, "SIGSTOP");
  try {
    await delay(milliseconds);
  } finally {
    for (const pid of pids) kill(pid, "SIGCONT");
  }
}
