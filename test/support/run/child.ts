// Processes that tests start. None outlives its test, or the file whose hook started it, whether that passes, fails,
// runs out of time or is killed.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { onTestFinished } from "vitest";

const running = new Set<ChildProcess>();
/** What ends with the file. */
const ofFile = new Set<() => unknown>();

/**
 * Starts a process in a group of its own, which ends as a whole: a shell with what it runs, a server with its workers.
 */
export function startChild(program: string, words: readonly string[], options: SpawnOptions = {}): ChildProcess {
  endWithWorker();
  const child = spawn(program, words, { ...options, detached: true });
  running.add(child);
  child.once("exit", () => running.delete(child));
  endWithTest(() => kill(child));
  return child;
}

/** Runs `end` when the test is over in which this is called; in a hook, when the file is. */
export function endWithTest(end: () => unknown): void {
  try {
    onTestFinished(async () => {
      await end();
    });
  } catch {
    // Not in a test.
    ofFile.add(end);
  }
}

/** The last that a file of tests does. */
export async function endFile(): Promise<void> {
  const ends = [...ofFile];
  ofFile.clear();
  await Promise.all(ends.map((end) => end()));
}

let ends = false;

/** The runner ends its workers by a signal. */
function endWithWorker(): void {
  if (ends) return;
  ends = true;
  const killAll = () => {
    for (const child of running) kill(child);
  };
  process.once("exit", killAll);
  process.once("SIGTERM", () => process.exit());
}

function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
