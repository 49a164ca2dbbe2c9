// R6 and R11: whatever hostile clients send, the server lives, keeps its memory, and serves the others.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ATTACKS, type AttackName } from "../faults/attacks.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";
import { patientClients } from "../stage/wires.ts";
import { createConversations } from "../stage/writers.ts";
import type { Verdict } from "./scenario.ts";

export interface HostilitySize {
  /** How long each attack goes on, in milliseconds. */
  readonly milliseconds: number;
  /** How many lines each comes on. */
  readonly lines: number;
  /** All unless given. */
  readonly attacks?: readonly AttackName[];
}

/**
 * How soon after an attack others must be served, in milliseconds: of the processor time that the server uses until
 * then, and in tries, which a slow machine makes no more of.
 */
const RECOVERY_MS = 2_000;
const PAUSE_MS = 20;
const TRIES = RECOVERY_MS / PAUSE_MS;
/** A server that gives no answer for so long hangs. */
const HANGS_MS = 30_000;
/** How much memory the process may take more than before, in MiB: also what is freed and not yet given back. */
const GROWTH_MIB = 300;

export async function hostility(tables: Tables, random: Random, size: HostilitySize): Promise<Verdict> {
  await using server = await startOwnServer({ DATABASE_URL: tables.url });
  const { pid, port } = server;
  const { headers } = await tables.tenant();
  const [conversationId = ""] = await createConversations(server.url, headers, 1);
  const { messages } = patientClients(server.url, headers);
  const content = "x".repeat(100_000);
  await messages.batchSendMessages({ conversationId, messages: Array.from({ length: 30 }, () => ({ content })) });
  let ended = false;
  server.ended.then(() => (ended = true));
  const before = memoryOf(pid);
  const findings: string[] = [];
  let peak = before;
  let slowest = 0;
  const names = size.attacks ?? (Object.keys(ATTACKS) as AttackName[]);
  for (const name of names) {
    const attack = ATTACKS[name];
    const target = { port, headers, conversationId };
    const watch = setInterval(() => (peak = Math.max(peak, memoryOf(pid))), 50);
    await Promise.all(Array.from({ length: size.lines }, () => attack(target, random.fork(), size.milliseconds)));
    clearInterval(watch);
    if (ended) {
      findings.push(`${name} ended the server`);
      break;
    }
    const relieved = processorTimeOf(pid);
    let tries = 1;
    for (; tries < 5 * TRIES && !(await serves(server.url, headers)); tries++) await delay(PAUSE_MS);
    const recovery = Math.round(processorTimeOf(pid) - relieved);
    slowest = Math.max(slowest, recovery);
    if (recovery > RECOVERY_MS || tries > TRIES)
      findings.push(`after ${name} it took ${recovery} ms of its own work and ${tries} tries to serve again`);
    if (peak - before > GROWTH_MIB) {
      findings.push(`${name} took ${peak - before} MiB`);
      break;
    }
  }
  return {
    figures: {
      attacks: names.length * size.lines,
      "most MiB taken": peak - before,
      "most ms of work to serve again": slowest,
    },
    findings,
  };
}

/** Resident memory in MiB. */
function memoryOf(pid: number): number {
  try {
    const [, kib = "0"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}

/** What a process has used of processors, in milliseconds. */
function processorTimeOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    // utime and stime, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

async function serves(url: string, headers: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/conversations`, { headers, signal: AbortSignal.timeout(HANGS_MS) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch (error) {
    if ((error as Error).name === "TimeoutError") throw error;
    return false;
  }
}
