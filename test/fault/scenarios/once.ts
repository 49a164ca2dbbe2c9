// R2: a retry with the same request id acts once, wherever the line was cut and whoever died; so does what is
// scheduled.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startDatabaseProxy } from "../faults/database-proxy.ts";
import { startLineProxy } from "../faults/line-proxy.ts";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import type { Store, Tenant } from "../stage/database.ts";
import { failureOf } from "../stage/outcome.ts";
import type { Random } from "../stage/random.ts";
import { startSchedulers } from "../stage/schedulers.ts";
import { startOwnServer } from "../stage/server.ts";
import { clientsOver, WIRES } from "../stage/wires.ts";
import { createConversations, startWriters } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

export interface OnceSize {
  /** Lines to be cut between a commit and its answer. */
  readonly cutsAfterCommit: number;
  /** How often the server is killed. */
  readonly kills: number;
  readonly writers: number;
  /** Between two writes of a writer, in milliseconds. Default: 0. */
  readonly pauseMs?: number;
}

/** Cuts lines on both sides of the server and kills it, while every call is repeated until it is acknowledged. */
export async function once(store: Store, random: Random, size: OnceSize): Promise<Verdict> {
  await using behind = await startDatabaseProxy(store.url, random.fork());
  await using server = await startOwnServer({ DATABASE_URL: behind.url });
  await using before = await startLineProxy(server.port, random.fork());
  const tenant = await store.tenant();
  const { headers } = tenant;
  const conversationIds = await createConversations(server.url, headers, 4);
  const history = new History();
  const urls = [before.url];
  const load = { writers: size.writers, repeated: 1, pauseMs: size.pauseMs ?? 0 };
  const writers = startWriters({ history, headers, conversationIds, random, urls, ...load });
  const creators = startCreators(before.url, tenant, random.fork());
  const [laterId = ""] = await createConversations(server.url, headers, 1);
  const schedulers = startSchedulers(before.url, headers, laterId, random.fork());

  const breakDatabaseLine = (yes: boolean) =>
    Object.assign(behind.faults, yes ? { cutAfterCommit: 0.15, cutBefore: 0.01 } : { cutAfterCommit: 0, cutBefore: 0 });
  breakDatabaseLine(true);
  before.faults.cutAnswer = 0.02;
  before.faults.cutRequest = 0.01;
  for (let kill = 0; kill < size.kills; kill++) {
    await reach(() => writers.acknowledged, writers.acknowledged + random.between(1, 50));
    server.signal("SIGKILL");
    // A server that loses its database while it starts says so and ends.
    breakDatabaseLine(false);
    await server.restart();
    breakDatabaseLine(true);
  }
  await reach(() => behind.cuts.afterCommit, size.cutsAfterCommit);
  breakDatabaseLine(false);
  Object.assign(before.faults, { cutAnswer: 0, cutRequest: 0 });
  await Promise.all([writers.stop(), creators.stop(), schedulers.stop()]);

  const stored = await readStored(store.url, tenant.id);
  const written = { logs: stored.logs.filter(({ conversationId }) => conversationIds.includes(conversationId)) };
  const verdict = verdictOf(check(history, { ...written, claims: stored.claims }));
  const twice = [...(await creators.check(store)), ...(await schedulers.check(store))];
  return {
    figures: {
      "cuts between commit and answer": behind.cuts.afterCommit,
      "cuts before a statement": behind.cuts.before,
      "cuts between server and client": before.cuts.answers + before.cuts.requests,
      "kills of the server": size.kills,
      ...history.count(),
      "conversations made": creators.made,
      "messages scheduled": schedulers.made,
      repeats: writers.repeats + creators.repeats + schedulers.repeats,
      ...answered(writers.answers),
      ...verdict.figures,
    },
    findings: [...verdict.findings, ...twice, ...unexpected(writers.answers)],
  };
}

async function reach(count: () => number, goal: number): Promise<void> {
  while (count() < goal) await delay(5);
}

/** Callers that make conversations, each under a title of its own, and repeat until they are told that it is made. */
function startCreators(url: string, { id: tenantId, headers }: Tenant, random: Random) {
  const told = new Map<string, string>();
  const stopping = new AbortController();
  let repeats = 0;

  async function makeOne(title: string): Promise<void> {
    const requestId = randomUUID();
    for (;;) {
      try {
        const { conversations } = clientsOver(random.pick(WIRES), url, headers);
        const request = { conversation: { title }, messages: [{ content: "first" }], requestId };
        const { conversation } = await conversations.createConversation(request, { timeoutMs: 20_000 });
        told.set(title, conversation?.id ?? "");
        return;
      } catch (error) {
        if (!failureOf(error).passing) throw error;
        repeats++;
        await delay(25);
      }
    }
  }

  const working = [0, 1].map(async (creator) => {
    for (let i = 0; !stopping.signal.aborted; i++) await makeOne(`made by ${creator} as ${i}`);
  });
  return {
    get made() {
      return told.size;
    },
    get repeats() {
      return repeats;
    },
    async stop() {
      stopping.abort();
      await Promise.all(working);
    },
    /** Each is there once, under the id that was told. */
    async check(store: Store): Promise<string[]> {
      const rows = await store.sql("select id, title from conversation where tenant_id = $1 and title <> ''", [
        tenantId,
      ]);
      const ids = Map.groupBy(rows, ({ title }) => String(title));
      const wrong = [...told].filter(([title, id]) => {
        const found = ids.get(title) ?? [];
        return found.length !== 1 || found[0]?.id !== id;
      });
      const strangers = [...ids.keys()].filter((title) => !told.has(title));
      return [
        ...wrong.map(
          ([title, id]) => `the conversation ${title}, told as ${id}, is there ${ids.get(title)?.length ?? 0} times`,
        ),
        ...strangers.map((title) => `the conversation ${title} is from nobody`),
      ];
    },
  };
}
