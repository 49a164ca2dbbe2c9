// All promises at once: one server under mixed load and one trouble after another, which must neither lose nor keep
// anything. The server goes on from turn to turn, so that what it holds can be compared.
import { setTimeout as delay } from "node:timers/promises";
import { type DatabaseProxy, startDatabaseProxy } from "../faults/database-proxy.ts";
import { startLineProxy } from "../faults/line-proxy.ts";
import { type Ground, TROUBLES, type TroubleName } from "../faults/troubles.ts";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import { startChatters } from "../stage/chatters.ts";
import type { Store } from "../stage/database.ts";
import { startFollowers } from "../stage/followers.ts";
import { startHurried } from "../stage/hurried.ts";
import { type ProbedServer, startProbedServer } from "../stage/probed-server.ts";
import type { Random } from "../stage/random.ts";
import { comeToRest, type Rest } from "../stage/rest.ts";
import { patientClients } from "../stage/wires.ts";
import { createConversations, startWriters } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { startBadCallers } from "./bad-input.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

/** A server that stands through all troubles. */
export interface Standing extends AsyncDisposable {
  readonly store: Store;
  readonly behind: DatabaseProxy;
  readonly server: ProbedServer;
  /** What it held before anybody called, and after each turn. */
  readonly rests: Rest[];
}

export interface MixedSize {
  readonly seconds: number;
  /** All unless given. */
  readonly troubles?: readonly TroubleName[];
}

export async function startStanding(store: Store, random: Random): Promise<Standing> {
  const behind = await startDatabaseProxy(store.url, random);
  const server = await startProbedServer({ DATABASE_URL: behind.url });
  const parts = { store, behind, server };
  const { rest } = await comeToRest(parts);
  return {
    ...parts,
    rests: [rest],
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}

export async function mixed(standing: Standing, random: Random, { seconds, troubles }: MixedSize): Promise<Verdict> {
  const { store, behind, server } = standing;
  const begun = performance.now();
  await using before = await startLineProxy(server.port, random.fork());
  const { id: tenantId, headers } = await store.tenant();
  const other = await store.tenant();
  const conversationIds = await createConversations(server.url, headers, 6);
  const [large = ""] = await createConversations(server.url, other.headers, 1);
  const content = "x".repeat(100_000);
  const { messages } = patientClients(server.url, other.headers);
  await messages.batchSendMessages({
    conversationId: large,
    messages: Array.from({ length: 20 }, () => ({ content })),
  });

  const history = new History();
  const urls = [before.url];
  const writers = startWriters({ history, headers, conversationIds, random, writers: 10, repeated: 0.8, urls });
  const followers = startFollowers(before.url, headers, conversationIds);
  const chatters = await startChatters(before.url, await store.tenant(), 2);
  const hurried = startHurried(before.url, other.headers, random.fork(), 2);
  const bad = await startBadCallers(server.url, other.headers, other.id, random.fork(), 2);
  let stopped = false;
  const asking = bad.run(() => !stopped);

  const ground = {
    store,
    behind,
    server,
    before,
    target: { port: server.port, headers: other.headers, conversationId: large },
  };
  const befallen = await befall(ground, random.fork(), begun + 1_000 * seconds, troubles);
  stopped = true;
  await Promise.all([writers.stop(), chatters.stop(), hurried.stop(), asking]);
  const stored = await readStored(store.url, tenantId);
  const unheard = await followers.finish(stored);
  const verdict = verdictOf(check(history, stored));
  const badVerdict = bad.verdict();
  const chatted = await chatters.findings();
  before.cutAll();
  const { rest, findings: left } = await comeToRest(standing, standing.rests[0]);
  standing.rests.push(rest);
  await store.sql(EMPTY);
  return {
    figures: {
      troubles: befallen,
      ...history.count(),
      repeats: writers.repeats,
      reads: history.reads.length,
      "entries followed": followers.heard,
      "subscriptions cut": followers.interruptions,
      turns: chatters.turns,
      "calls with a deadline": hurried.calls,
      ...answered(writers.answers),
      ...badVerdict.figures,
      ...verdict.figures,
    },
    findings: [
      ...verdict.findings,
      ...unheard,
      ...chatted,
      ...unexpected(writers.answers),
      ...unexpected(hurried.answers),
      ...badVerdict.findings,
      ...left,
    ],
  };
}

/** One or two troubles at a time, with a pause after each. */
async function befall(
  ground: Ground,
  random: Random,
  until: number,
  names: readonly TroubleName[] = Object.keys(TROUBLES) as TroubleName[],
): Promise<number> {
  let count = 0;
  while (performance.now() < until) {
    const drawn = new Set(Array.from({ length: random.between(1, 2) }, () => random.pick(names)));
    // A trouble that cannot begin, as PostgreSQL has just died of another, is none.
    const troubles = [...drawn].map((name) => TROUBLES[name](ground, random.fork()).catch(() => async () => {}));
    count += drawn.size;
    await delay(random.between(100, 3_000));
    // At once, for one may keep another from ending: a server that stands still does not set its clock.
    await Promise.all(troubles.map(async (begun) => (await begun)()));
    await delay(random.between(100, 1_500));
  }
  return count;
}

/** Everything but what was there before anybody called. */
const EMPTY = `do $$ declare name text; begin
  for name in select table_name from information_schema.columns where column_name = 'tenant_id' and table_schema = 'public' loop
    execute format('truncate table %I cascade', name);
  end loop; end $$`;
