// Read replicas: a real standby that lags, fails, hangs and takes the primary's place, and callers that notice nothing.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { checkReplicas } from "../../src/cli/doctor/replicas.ts";
import { type ColloquyClient, createClient } from "../../src/client/index.ts";
import { Interruption } from "../../src/domain/cancellation.ts";
import { Reading } from "../../src/domain/read-position.ts";
import { changedSince, MOMENT, readMoment } from "../../src/store/changed-since.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import type { ReadPlace, ReplicaFigures } from "../../src/store/replicas/figures.ts";
import { HAS_PROXIES, startHaproxy } from "../support/parts/proxies.ts";
import { administer, statementName } from "../support/postgres/postgres.ts";
import { type Replicated, startReplicated } from "../support/postgres/standby.ts";
import { type StallingProxy, startStallingProxy } from "../support/services/stalling-proxy.ts";
import { type OwnApp, startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";

// Whole clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const HEADER = "colloquy-position";

let pair: Replicated;
let proxy: StallingProxy;
let startApp: () => Promise<OwnApp>;
let app: OwnApp;
let apiKey: string;
const told: string[] = [];

beforeAll(async () => {
  pair = await startReplicated({ synchronous: false, settings: { max_standby_streaming_delay: "0" } });
  proxy = await startStallingProxy(Number(new URL(pair.standby.url).port));
  const replica = pair.standby.url.replace(/:\d+\/colloquy/, `:${proxy.port}/colloquy`);
  startApp = () =>
    startOwnApp({
      url: pair.url(),
      database: { replicas: { urls: [replica], onChange: (level, message) => told.push(`${level}: ${message}`) } },
    });
  app = await startApp();
  const { headers } = await tablesAt(pair.primary.url).tenant();
  apiKey = headers.authorization?.replace(/^Bearer /, "") ?? "";
}, 120_000);
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await pair?.[Symbol.asyncDispose]();
});

const figures = () => app.database.replicas?.figures as ReplicaFigures;
const onStandby = (sql: string) => administer(pair.standby.url, sql);

/** How often each place was read meanwhile. */
async function reads(work: () => Promise<unknown>): Promise<Partial<Record<ReadPlace, number>>> {
  const before = { ...figures().reads };
  await work();
  const entries = Object.entries(figures().reads).map(([place, count]) => [place, count - before[place as ReadPlace]]);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

const newClient = (baseUrl = app.url) =>
  createClient({ baseUrl, apiKey, retry: { budgetMs: 90_000, maxMs: 200 }, timeoutMs: 90_000 });

const contents = async (client: ColloquyClient, conversationId: string) =>
  (await client.messages.listMessages({ conversationId })).messages.map(({ content }) => content);

/** A conversation with one message, and a client that reads it of the standby. */
async function talk(): Promise<{ client: ColloquyClient; conversationId: string }> {
  const client = newClient();
  const { conversation } = await client.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  await client.messages.sendMessage({ conversationId, message: { content: "one" } });
  await expect.poll(async () => (await reads(() => contents(client, conversationId))).replica ?? 0).toBeGreaterThan(0);
  return { client, conversationId };
}

test("F-REPLICA: what a client writes it reads of the primary, and again of the standby as soon as that has it", async () => {
  const { client, conversationId } = await talk();
  await client.messages.sendMessage({ conversationId, message: { content: "two" } });
  const both = async () => expect(await contents(client, conversationId)).toEqual(["one", "two"]);
  expect(await reads(both)).toEqual({ latest: 1 });
  await expect.poll(async () => (await reads(both)).replica ?? 0).toBeGreaterThan(0);
  // Without the header nothing is asked of the standby, and no position is told.
  const plain = { method: "POST", headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" } };
  const path = `${app.url}/colloquy.v1.ConversationService/GetConversation`;
  const read = async () => {
    const response = await fetch(path, { ...plain, body: JSON.stringify({ conversationId }) });
    expect([response.status, response.headers.get(HEADER)]).toEqual([200, "latest"]);
  };
  expect(await reads(read)).toEqual({});
  const replicaUrls = [pair.standby.url];
  const settings = { databaseUrl: pair.primary.url, databaseSchema: "public", replicaUrls };
  expect(await checkReplicas(settings)).toEqual([
    { level: "ok", subject: expect.stringMatching(/^replica 127/), text: expect.stringMatching(/^a standby that is /) },
  ]);
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  expect(metrics).toMatch(/^colloquy_database_reads_total\{place="replica"\} [1-9]/m);
  expect(metrics).toMatch(/^colloquy_replica_up\{replica="127\.0\.0\.1:\d+"\} 1$/m);
  expect(figures().replicas).toEqual([{ name: expect.any(String), isRead: true, lagBytes: expect.any(Number) }]);
});

test("F-REPLICA: a standby that lags is not asked for what a client has seen, and refuses nothing", async () => {
  const { client, conversationId } = await talk();
  const other = newClient();
  await contents(other, conversationId);
  await expect.poll(async () => (await reads(() => contents(other, conversationId))).replica).toBe(1);
  await onStandby("select pg_wal_replay_pause()");
  await expect
    .poll(async () => (await onStandby("select pg_get_wal_replay_pause_state() as now"))[0]?.now)
    .toBe("paused");

  const { message } = await client.messages.sendMessage({ conversationId, message: { content: "two" } });
  expect(await contents(client, conversationId)).toEqual(["one", "two"]);
  // It has seen the message now, and is given it each time.
  expect(await reads(async () => expect(await contents(client, conversationId)).toEqual(["one", "two"]))).toEqual({
    behind: 1,
  });
  // Another one has not, and is shown what was there some seconds ago at most.
  await expect.poll(() => contents(other, conversationId)).toEqual(["one", "two"]);
  // One that has heard of it elsewhere is not told that it does not exist.
  await onStandby("select pg_wal_replay_resume()");
  await expect.poll(async () => (await reads(() => contents(other, conversationId))).replica).toBe(1);
  await onStandby("select pg_wal_replay_pause()");
  const third = await client.messages.sendMessage({ conversationId, message: { content: "three" } });
  const found = await other.messages.getMessage({ messageId: third.message?.id ?? "" });
  expect(found.message?.content).toBe("three");
  expect((await other.messages.getMessage({ messageId: message?.id ?? "" })).message?.content).toBe("two");
  await onStandby("select pg_wal_replay_resume()");
});

test.skipIf(!HAS_PROXIES)("F-REPLICA: two servers behind a balancer read what each other wrote", async () => {
  await using other = await startApp();
  const servers = [app, other].map(({ url }, index) => `server s${index} ${new URL(url).host}`).join("\n");
  await using balancer = await startHaproxy(`
    defaults
      mode http
    listen all
      bind 127.0.0.1:PORT
      balance roundrobin
      ${servers}`);
  const client = newClient(balancer.url);
  const { conversation } = await client.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  await onStandby("select pg_wal_replay_pause()");
  const sent = ["one", "two", "three", "four", "five"];
  for (const [index, content] of sent.entries()) {
    await client.messages.sendMessage({ conversationId, message: { content } });
    for (let read = 0; read < 3; read++)
      expect(await contents(client, conversationId)).toEqual(sent.slice(0, index + 1));
  }
  expect(other.database.replicas?.figures.reads.behind).toBeGreaterThan(0);
  await onStandby("select pg_wal_replay_resume()");
});

test("F-REPLICA: a read that the standby cancels for its replay is answered by the primary", async () => {
  await talk();
  await expect.poll(() => figures().replicas[0]?.isRead).toBe(true);
  const signal = new Interruption();
  signal.reading = new Reading("latest");
  await app.database.query({ name: "test_look", text: "select 1 as one" }, [], signal);
  const slow = {
    name: "test_slow",
    text: `select count(*) as messages, pg_is_in_recovery() as standby,
      case when pg_is_in_recovery() then pg_sleep(90) end is null as done from message where tenant_id is not null`,
  };
  const reading = app.database.query<{ standby: boolean }>(slow, [], signal);
  const running =
    "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(90)%' and pid <> pg_backend_pid()";
  await expect.poll(async () => (await onStandby(running)).length).toBe(1);
  const places = await reads(async () => {
    await administer(pair.primary.url, "begin; lock table message in access exclusive mode; commit");
    expect((await reading)[0]?.standby).toBe(false);
  });
  expect(places).toEqual({ failed: 1 });
});

test("F-REPLICA: a list that begins on the standby misses nothing that was under way on the primary", async () => {
  await talk();
  const [{ moment: text } = {}, row] = await changedMeanwhile(
    async () => await onStandby(`select ${MOMENT} as moment`),
  );
  const { next, running } = readMoment(String(text));
  // What the standby says by itself has no running transaction.
  const values = [next, `{${running.join(",")}}`, row.id];
  const condition = changedSince("c", "$1", "$2");
  const sql = `select 1 from conversation c where c.id = $3 and ${condition}`;
  expect(await administer(pair.primary.url, sql, values)).toHaveLength(1);
});

/** Asks while a transaction on the primary has changed a conversation, which it commits then. */
async function changedMeanwhile<T>(ask: () => Promise<T[]>): Promise<[T | undefined, { id: string }]> {
  const database = await openDatabase({ url: pair.primary.url, poolSize: 2 });
  const statement = (text: string) => ({ name: statementName(text), text });
  const found = await database.transaction(undefined, async (tx) => {
    const text =
      "update conversation set title = 'other' where id = (select id from conversation order by id desc limit 1) returning id";
    const [row] = await tx.query<{ id: string }>(statement(text), []);
    // A later one that has ended: the first is in the middle of the snapshot.
    await database.query(
      statement("insert into member (tenant_id, id, role) select id, 'm' || random(), 1 from tenant limit 1"),
      [],
    );
    const [{ lsn } = { lsn: "" }] = await administer(
      pair.primary.url,
      "select pg_current_wal_flush_lsn()::text as lsn",
    );
    const replayed = `select pg_last_wal_replay_lsn() >= '${lsn}'::pg_lsn as done`;
    await expect.poll(async () => (await onStandby(replayed))[0]?.done).toBe(true);
    const [answer] = await ask();
    return [answer, row as { id: string }] as [T | undefined, { id: string }];
  });
  await database.close();
  return found;
}

test("F-REPLICA: a standby that hangs, and then dies, costs its readers time alone", async () => {
  const { client, conversationId } = await talk();
  proxy.stall();
  const places = await reads(async () => {
    expect(await contents(client, conversationId)).toEqual(["one"]);
  });
  expect(places).toEqual({ failed: 1 });
  await expect.poll(() => told.at(-1)).toMatch(/^warn: .* is not read: it does not respond$/);
  expect(await reads(() => contents(client, conversationId))).toEqual({ none: 1 });
  proxy.goOn();
  await expect.poll(async () => (await reads(() => contents(client, conversationId))).replica).toBe(1);
});

test("F-REPLICA: after a failover to the standby no position of before is taken for one of now", async () => {
  const { client, conversationId } = await talk();
  const signal = new Interruption();
  const before = new Reading("latest");
  signal.reading = before;
  const look = { name: "test_look", text: "select 1 as one" };
  await app.database.query(look, [], signal);
  expect(String(before)).toMatch(/^[0-9a-f]{16}-/);
  await pair.primary.kill();
  await pair.promote();
  await client.messages.sendMessage({ conversationId, message: { content: "two" } });
  expect(await contents(client, conversationId)).toEqual(["one", "two"]);
  await expect.poll(() => told.at(-1)).toMatch(/^warn: .* is not read: it is not a standby$/);
  const after = new Reading(String(before));
  signal.reading = after;
  await expect
    .poll(async () => {
      await app.database.query(look, [], signal);
      return String(after).split("-")[0];
    })
    .not.toBe(String(before).split("-")[0]);
  expect(String(after)).toMatch(/^[0-9a-f]{16}-/);
});
