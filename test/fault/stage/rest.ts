// A server at rest: what it still holds when nobody calls any more, which should be what it held before.
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseProxy } from "../faults/database-proxy.ts";
import type { Tables } from "./database.ts";
import type { Held, ProbedServer } from "./probed-server.ts";

/** What a server holds when nobody calls. */
export interface Rest extends Held {
  /** When this was, in seconds of this process's own clock. */
  readonly atSeconds: number;
  /** File descriptors but those of connections to PostgreSQL, of which there are as many as its pool keeps. */
  readonly ownFiles: number;
  /** Calls that it counts as begun and not ended: subscriptions among them. */
  readonly openCalls: number;
  /** Sessions in PostgreSQL that do something, or hold a transaction. */
  readonly transactions: number;
}

export interface Resting {
  readonly store: Tables;
  /** By which the server reaches PostgreSQL. */
  readonly behind: DatabaseProxy;
  readonly server: ProbedServer;
}

/** How long everything that was begun may take to end once nobody calls, in milliseconds. */
const REST_MS = 40_000;
/** Files that come and go: of the look at the server itself. */
const SPARE_FILES = 3;

const BUSY = `select state, left(query, 200) as query from pg_stat_activity
  where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid() and application_name <> 'administer'`;

/** Waits until nothing is left of any call; says what is, if that takes too long. */
export async function comeToRest(
  { store, behind, server }: Resting,
  before?: Rest,
): Promise<{ rest: Rest; findings: string[] }> {
  const giveUpAt = performance.now() + REST_MS;
  for (;;) {
    const busy = await store.sql(BUSY);
    const openCalls = await countOpenCalls(server.url);
    const held = await server.held();
    const ownFiles = held.files - behind.open;
    const atSeconds = Math.round(performance.now() / 1_000);
    const rest = { ...held, ownFiles, atSeconds, openCalls, transactions: busy.length };
    const findings = busy.map(({ state, query }) => `it is still ${state} in PostgreSQL: ${query}`);
    if (openCalls !== 0) findings.push(`${openCalls} calls are still open though nobody calls`);
    if (before !== undefined && ownFiles > before.ownFiles + SPARE_FILES) {
      findings.push(`${ownFiles} files are open, before it were ${before.ownFiles}`);
    }
    if (findings.length === 0 || performance.now() > giveUpAt) return { rest, findings };
    await delay(100);
  }
}

async function countOpenCalls(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { connection: "close" } });
  const text = await response.text();
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, "gm"))].reduce((all, [, value]) => all + Number(value), 0);
  return sum("colloquy_rpc_started_total") - sum("colloquy_rpc_handled_total");
}
