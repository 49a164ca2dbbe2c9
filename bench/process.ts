// A server under measurement: its process, whether it listens, and the processor time that it has used.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** With two cores or more, servers run on one and the load and PostgreSQL on the others. */
export const CAN_PIN = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
const SERVER_CORE = "0";
export const LOAD_CORES = CAN_PIN ? `1-${availableParallelism() - 1}` : undefined;

export interface Served {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Processor time used so far, in microseconds, of all threads. */
  cpuMicros(): number;
  /** Resident memory in MiB. */
  memoryMiB(): number;
  stop(): Promise<void>;
}

/** The words that run something on given cores. */
export function pinned(words: readonly string[], cores: string | undefined): string[] {
  return cores === undefined ? [...words] : ["taskset", "-c", cores, ...words];
}

/** Moves a process that runs already, and what it will start, to given cores. */
export function pin(pid: number, cores: string | undefined): void {
  if (cores !== undefined) spawnSync("taskset", ["-a", "-p", "-c", cores, String(pid)]);
}

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Nothing may be left behind, however this process ends. */
export function endWithThis(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** Starts a server and waits until its port answers. Its output is shown only if it dies. */
export async function startServer(
  name: string,
  words: readonly string[],
  port: number,
  environment: Readonly<Record<string, string>>,
): Promise<Served> {
  if (await answers(port)) throw new Error(`port ${port} is taken, perhaps by what another run left behind`);
  const [command = "", ...rest] = pinned(words, CAN_PIN ? SERVER_CORE : undefined);
  const child: ChildProcess = spawn(command, rest, {
    env: { ...process.env, NODE_ENV: "production", ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  let ended = false;
  let stopping = false;
  child.on("exit", (code, signal) => {
    ended = true;
    if (!stopping) process.stderr.write(`${name} ended by itself (${signal ?? code}):\n${said}\n`);
  });
  endWithThis(child);
  while (!(await answers(port))) {
    if (ended) throw new Error(`${name} ended before it listened:\n${said}`);
    await sleep(5);
  }
  const pid = child.pid ?? 0;
  return {
    name,
    port,
    pid,
    cpuMicros: () => cpuMicros(pid),
    memoryMiB: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
    async stop() {
      stopping = true;
      if (ended) return;
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await once(child, "exit");
      clearTimeout(killer);
    },
  };
}

/** The same of a process and its children, such as PostgreSQL's sessions, also of those that have ended. */
export function cpuMicrosWithChildren(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return children.reduce((sum, child) => sum + livingMicros(Number(child)), cpuMicros(pid) + cpuMicros(pid, 2));
}

/** 0: it has ended since, and its parent counts it. */
function livingMicros(pid: number): number {
  try {
    return cpuMicros(pid);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

/** `/proc/<pid>/stat`, fields 14 and 15, in ticks of 10 ms; two further on, those of its ended children. */
function cpuMicros(pid: number, further = 0): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11 + further]) + Number(fields[12 + further])) * 10_000;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
