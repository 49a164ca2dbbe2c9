// R6 and R11: whatever hostile clients send, the server lives, keeps its memory, and serves the others.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ATTACKS, type AttackName } from "../faults/attacks.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";
import { watchStalls } from "../stage/stalls.ts";
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

/** How soon after an attack others must be served, in milliseconds. */
const RECOVERY_MS = 2_000;
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
  const stalls = watchStalls();
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
    const relieved = performance.now();
    while (!(await serves(server.url, headers)) && performance.now() - relieved < 5 * RECOVERY_MS) await delay(20);
    const served = performance.now();
    const recovery = served - relieved - stalls.within(relieved, served);
    slowest = Math.max(slowest, recovery);
    if (recovery > RECOVERY_MS) findings.push(`after ${name} it took ${Math.round(recovery)} ms to serve again`);
    if (peak - before > GROWTH_MIB) {
      findings.push(`${name} took ${peak - before} MiB`);
      break;
    }
  }
  stalls.stop();
  return {
    figures: {
      attacks: names.length * size.lines,
      "most MiB taken": peak - before,
      "longest ms to serve again": Math.round(slowest),
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

async function serves(url: string, headers: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/conversations`, { headers, signal: AbortSignal.timeout(RECOVERY_MS) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
