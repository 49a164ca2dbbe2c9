// R11: more work than there is room for is refused at once, in words, and what was refused did nothing.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { usedMemory } from "../../support/measure/memory.ts";
import { startDatabaseProxy } from "../faults/database-proxy.ts";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import { startOwnApp } from "../stage/app.ts";
import type { Tables } from "../stage/database.ts";
import { failureOf } from "../stage/outcome.ts";
import type { Random } from "../stage/random.ts";
import { clientsOver, WIRES } from "../stage/wires.ts";
import { createConversations, send } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

export interface OverloadSize {
  /** How often the store is overrun. */
  readonly rounds: number;
}

const POOL = 4;
const WAITING = 16;
const FITTING = POOL + WAITING;
/** Each to a conversation of its own: sends that meet in one go together, and need one connection. */
const CALLS = 3 * FITTING;
/** After how many looks all that do not fit must have been told so. */
const LOOKS = 3_000;
/** After an overload the store must serve again within 2 s: counted in tries, which a slow machine makes no more of. */
const PAUSE_MS = 50;
const TRIES = 2_000 / PAUSE_MS;
/** How much memory may stay with the process from round to round, once it is warm. */
const GROWTH_MIB = 48;

/** Overruns the pool: by a database that answers slowly, and by one whose every connection hangs on a lock. */
export async function overload(tables: Tables, random: Random, { rounds }: OverloadSize): Promise<Verdict> {
  await using line = await startDatabaseProxy(tables.url, random.fork());
  const database = { poolSize: POOL, maxWaiting: WAITING };
  await using app = await startOwnApp({ url: line.url, database });
  const { id: tenantId, headers } = await tables.tenant();
  const conversationIds = await createConversations(app.url, headers, CALLS);
  const history = new History();
  const answers = new Map<string, number>();
  const findings: string[] = [];
  const clients = WIRES.map((wire) => clientsOver(wire, app.url, headers));
  let serial = 0;
  let slowestRefusal = 0;
  let slowestRecovery = 0;
  const heaps: number[] = [];

  const write = async (conversationId: string) => {
    const by = random.pick(clients);
    const text = `overload ${serial++}`;
    const begun = performance.now();
    await history.write(conversationId, [text], async () => {
      try {
        const places = await send(by, conversationId, [text], "");
        answers.set("ok", (answers.get("ok") ?? 0) + 1);
        return { kind: "acknowledged", places };
      } catch (error) {
        const { why, definite } = failureOf(error);
        answers.set(why, (answers.get(why) ?? 0) + 1);
        if (why === "OVERLOADED") slowestRefusal = Math.max(slowestRefusal, performance.now() - begun);
        return { kind: definite ? "failed" : "unknown", why };
      }
    });
  };

  for (let round = 0; round < rounds; round++) {
    const locked = round % 2 === 1;
    const blocker = locked ? await lock(tables, tenantId) : undefined;
    if (!locked) line.faults.delayMs = 100;
    let settled = 0;
    const burst = Promise.all(conversationIds.map((id) => write(id).finally(() => settled++)));
    for (let looks = 0; looks < LOOKS && settled < CALLS - FITTING; looks++) await delay(5);
    // Nothing moves behind the lock, so whatever is answered by now was refused.
    if (settled < CALLS - FITTING) findings.push(`${CALLS - settled} calls waited though only ${FITTING} fit`);
    await blocker?.end();
    line.faults.delayMs = 0;
    const relieved = performance.now();
    let tries = 1;
    while ((await tryRead(clients[0] as (typeof clients)[number])) !== "ok" && tries < 10 * TRIES) {
      tries++;
      await delay(PAUSE_MS);
    }
    if (tries > TRIES) findings.push(`it took ${tries} tries to be served again`);
    slowestRecovery = Math.max(slowestRecovery, performance.now() - relieved);
    await burst;
    heaps.push((await usedMemory()).heapUsed / 2 ** 20);
  }
  const growth = Math.max(...heaps.slice(-2)) - Math.max(...heaps.slice(0, 2));
  if (growth > GROWTH_MIB) findings.push(`the heap grew by ${Math.round(growth)} MiB`);
  if ((answers.get("OVERLOADED") ?? 0) === 0) findings.push("nothing was refused: it was no overload");
  const verdict = verdictOf(check(history, await readStored(tables.url, tenantId)));
  return {
    figures: {
      overloads: rounds,
      "refused with OVERLOADED": answers.get("OVERLOADED") ?? 0,
      "longest ms to recover": Math.round(slowestRecovery),
      "longest ms to a refusal": Math.round(slowestRefusal),
      ...history.count(),
      ...answered(answers),
      ...verdict.figures,
    },
    findings: [...findings, ...verdict.findings, ...unexpected(answers)],
  };
}

async function tryRead({ conversations }: ReturnType<typeof clientsOver>): Promise<string> {
  return conversations.listConversations({ pageSize: 1 }).then(
    () => "ok",
    (error) => failureOf(error).why,
  );
}

/** Holds every conversation of a tenant until it ends. */
async function lock({ url }: Tables, tenantId: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("begin");
  await client.query("select from conversation where tenant_id = $1 for update", [tenantId]);
  return client;
}
