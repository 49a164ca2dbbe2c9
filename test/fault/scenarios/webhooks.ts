// R17: what leaves leaves, in order, whoever dies: servers, the line to the database, the receiver.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { WebhookService } from "../../../gen/colloquy/v1/webhook_service_pb.ts";
import { startDatabaseProxy } from "../faults/database-proxy.ts";
import { checkDeliveries, type Taken } from "../history/deliveries.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import type { Store } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { type OwnServer, startOwnServer } from "../stage/server.ts";
import { createConversations, startWriters } from "../stage/writers.ts";
import type { Verdict } from "./scenario.ts";

export interface WebhooksSize {
  /** How often a server is killed. */
  readonly kills: number;
  readonly writers: number;
  /** How long the database is away, once, in milliseconds. */
  readonly awayMs: number;
  /** After this time nothing more is killed, in milliseconds. Default: after all kills. */
  readonly atMostMs?: number;
}

/** Between two writes of a writer: what is written must fit into the time, and into memory, of five hundred kills. */
const WRITER_PAUSE_MS = 200;
/** After the last fault, something arrives at least this often until everything has arrived. */
const STANDSTILL_MS = 90_000;
/** A server starts within this time, in milliseconds. */
const START_MS = 600_000;
/** A lease ends 6 s after the death of its server. */
const TAKEOVER_MS = 12_000;

/** One endpoint gets events one by one, the other in batches. */
const ENDPOINTS = [1, 20] as const;

/** Kills two servers in turn while they deliver to a receiver that fails in every way. */
export async function webhooks(
  store: Store,
  random: Random,
  { kills, writers, awayMs, atMostMs = Number.POSITIVE_INFINITY }: WebhooksSize,
): Promise<Verdict> {
  await using behind = await startDatabaseProxy(store.url, random.fork());
  const settings = { DATABASE_URL: behind.url, COLLOQUY_WEBHOOK_PRIVATE: "yes" };
  await using one = await startOwnServer(settings);
  await using two = await startOwnServer(settings);
  const servers = [one, two];
  await using receiver = await startFlakyReceiver(random.fork());
  const tenant = await store.tenant();
  const { headers } = tenant;
  const hooks = (url: string) => hooksOf(url, headers);
  const endpointIds: string[] = [];
  for (const batchSize of ENDPOINTS) {
    const target = { case: "url", value: `${receiver.url}/${batchSize}` } as const;
    const { endpoint } = await hooks(one.url).createWebhookEndpoint({
      endpoint: { target, batchSize, timeout: { seconds: 1n } },
      start: { place: { case: "beginning", value: true } },
    });
    endpointIds.push(endpoint?.id ?? "");
  }
  const conversationIds = await createConversations(one.url, headers, 6);
  const history = new History();
  const urls = servers.map(({ url }) => url);
  const pauseMs = WRITER_PAUSE_MS;
  const chance = { random, writers, repeated: 1, readers: 0, pauseMs };
  const writing = startWriters({ history, headers, conversationIds, urls, ...chance });
  // A resume is what an administrator does who waits for no backoff.
  const resumeAll = async (url: string) => {
    for (const endpointId of endpointIds)
      await hooks(url)
        .resumeWebhookEndpoint({ endpointId })
        .catch(() => {});
  };

  // A server is killed while the other delivers, is about to take over, or starts again itself.
  const restarts = new Map(servers.map((server) => [server, Promise.resolve()]));
  const begun = performance.now();
  const doneShare = () => Math.max(killed / kills, (performance.now() - begun) / atMostMs);
  let killed = 0;
  for (let away = false; doneShare() < 1; killed++) {
    if (!away && doneShare() >= 0.5) {
      away = true;
      await Promise.all(restarts.values());
      behind.faults.frozen = true;
      await delay(awayMs);
      behind.faults.frozen = false;
      behind.cutAll();
    }
    const server = random.pick(servers);
    await restarts.get(server);
    await resumeAll(server.url);
    if (random.chance(0.3)) await delay(random.between(0, 1_500));
    else await reach(() => receiver.requests, receiver.requests + random.between(1, 40));
    server.signal("SIGKILL");
    restarts.set(server, startAgain(server));
  }
  await Promise.all(restarts.values());
  await writing.stop();
  receiver.calm = true;
  const stored = await readStored(store.url, tenant.id);
  const logs = new Map(stored.logs.map(({ conversationId, lastSeq }) => [conversationId, Number(lastSeq)]));
  const entries = [...logs.values()].reduce((sum, end) => sum + end, 0);
  const all = () => ENDPOINTS.every((size) => new Set(receiver.taken(size).map(nameOf)).size >= entries);
  let [requests, since] = [receiver.requests, performance.now()];
  for (; !all() && performance.now() - since < STANDSTILL_MS; await delay(500)) {
    await resumeAll(one.url);
    if (receiver.requests > requests) [requests, since] = [receiver.requests, performance.now()];
  }
  const checks = ENDPOINTS.map((size) => ({ size, ...checkDeliveries(receiver.taken(size), logs, size > 1) }));
  return {
    figures: {
      "kills of a server": killed,
      entries,
      requests: receiver.requests,
      "requests that failed": receiver.failed,
      repeats: checks.reduce((sum, { repeats }) => sum + repeats, 0),
      findings: checks.reduce((sum, { findings }) => sum + findings.length, 0),
    },
    findings: checks.flatMap(({ size, findings }) =>
      findings.slice(0, 20).map(({ fault, what }) => `${fault}: ${what}, by ${size}`),
    ),
  };
}

/** As a supervisor does: on a busy machine a start may find that the database did not answer in time. */
async function startAgain(server: OwnServer): Promise<void> {
  for (const deadline = performance.now() + START_MS; ; await delay(2_000)) {
    try {
      return await server.restart();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

function nameOf({ conversationId, seq }: Taken): string {
  return `${conversationId}-${seq}`;
}

function hooksOf(baseUrl: string, headers: Readonly<Record<string, string>>) {
  const transport = createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
        return next(request);
      },
    ],
  });
  return createClient(WebhookService, transport);
}

async function reach(count: () => number, goal: number): Promise<void> {
  // If the receiver has failed just now, or a server has died, nothing comes for a while.
  for (const deadline = performance.now() + TAKEOVER_MS; count() < goal && performance.now() < deadline; )
    await delay(5);
}

interface FlakyReceiver extends AsyncDisposable {
  readonly url: string;
  /** Whether it takes everything at once. */
  calm: boolean;
  readonly requests: number;
  readonly failed: number;
  /** What was taken on a path, in the order in which it came. */
  taken(path: number): readonly Taken[];
}

async function startFlakyReceiver(random: Random): Promise<FlakyReceiver> {
  const taken = new Map<string, Taken[]>();
  const state = { calm: false, requests: 0, failed: 0 };

  /** Whether the request was taken. */
  async function answer(response: ServerResponse): Promise<boolean> {
    const chance = state.calm ? 1 : random.next();
    if (chance < 0.02) response.writeHead(503, { "retry-after": "1" }).end("busy");
    else if (chance < 0.025) response.socket?.resetAndDestroy();
    else if (chance < 0.03) response.writeHead(302, { location: "/elsewhere" }).end();
    else if (chance < 0.032) return false;
    else {
      if (chance < 0.06) await delay(random.between(10, 200));
      // It lies: what it took may look like a failure to the server.
      if (chance > 0.99 && !state.calm) response.socket?.resetAndDestroy();
      else response.writeHead(chance < 0.5 ? 200 : 204).end();
      return true;
    }
    return false;
  }

  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      state.requests++;
      const path = request.url ?? "";
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { events?: unknown[] };
      const webhookId = String(request.headers["webhook-id"]);
      const events = (body.events ?? [body]) as { conversationId: string; seq: string }[];
      // What it takes it has before it answers.
      const kept = events.map(({ conversationId, seq }) => ({ webhookId, conversationId, seq: Number(seq) }));
      const list = taken.get(path) ?? [];
      taken.set(path, list);
      if (await answer(response)) list.push(...kept);
      else state.failed++;
    } catch {
      // The server was killed while it sent.
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calm() {
      return state.calm;
    },
    set calm(calm: boolean) {
      state.calm = calm;
    },
    get requests() {
      return state.requests;
    },
    get failed() {
      return state.failed;
    },
    taken: (path) => taken.get(`/${path}`) ?? [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
