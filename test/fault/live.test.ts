// Subscribers whose lines are cut again and again, over two servers on one database, with every form of hints and none.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, ErrorReason, reasonOf } from "../../src/client/index.ts";
import type { SubscriptionEntry } from "../../src/client/subscribe.ts";
import { createHints, type Hints } from "../../src/live/hints/hints.ts";
import { createNatsHints } from "../../src/live/hints/nats.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/services/cutting-proxy.ts";
import { startAnyNats } from "../support/services/nats-server.ts";

const CUTS = Number(process.env.COLLOQUY_TEST_CUTS ?? (process.env.TORTURE === "1" ? 1_000 : 50));
const WRITERS = 32;

let nats: Awaited<ReturnType<typeof startAnyNats>>;
beforeAll(async () => {
  nats = await startAnyNats();
});
afterAll(() => nats.close());

const ignore = () => {};
const FORMS: Record<string, (url: string) => Promise<Hints>> = {
  "none at all": () => createHints({ enabled: false }),
  "hints within each process": () => createHints(),
  "hints by PostgreSQL": (url) => createHints({ carrier: createPostgresHints({ url, onError: ignore }) }),
  "hints by NATS": () => createHints({ carrier: createNatsHints({ url: nats.url, onError: ignore }) }),
};

describe.each(Object.entries(FORMS))("with %s", (_, makeHints) => {
  let one: StoreServer;
  let two: StoreServer;
  let proxy: CuttingProxy;
  beforeAll(async () => {
    one = await startStoreServer({ makeHints });
    two = await startStoreServer({ beside: one, makeHints });
    proxy = await startCuttingProxy(() => (Math.random() < 0.5 ? one : two).url);
  });
  afterAll(async () => {
    await proxy.close();
    await two.close();
    await one.close();
  });

  function subscriber(tenant: TestTenant, member: string) {
    const { subscribe } = createClient({ baseUrl: proxy.url, interceptors: [tenant.introduce(member)] });
    return (options: Parameters<typeof subscribe>[0], stop: AbortSignal) =>
      subscribe({ ...options, signal: stop, backoff: { initialMs: 5, maxMs: 50 } });
  }

  test("a subscriber whose line is cut at random hears every entry once, in order", async () => {
    const tenant = await one.tenant("alice", "bob");
    const writers = [tenant.member("alice"), two.sameTenant(tenant).member("alice")] as const;
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) {
      const { conversation } = await writers[0].conversations.createConversation({ participantIds: ["bob"] });
      ids.push(conversation?.id ?? "");
    }
    const [hot = ""] = ids;

    const stop = new AbortController();
    const follow = subscriber(tenant, "bob");
    const heard: SubscriptionEntry[] = [];
    const heardOfAll: SubscriptionEntry[] = [];
    const cursor = await presentCursor(tenant.member("bob"));
    const begun = await lastSeqs(writers[0], ids);
    const reading = Promise.all([
      collect(follow({ conversationId: hot }, stop.signal), heard),
      collect(follow({ cursor }, stop.signal), heardOfAll),
    ]);

    const writing = new AbortController();
    const work = Array.from({ length: WRITERS }, (_, index) =>
      write(writers[index % 2] as Clients, ids[index % 8 === 7 ? 1 + ((index >> 3) % 2) : 0] ?? "", writing.signal),
    );
    let cuts = 0;
    while (cuts < CUTS) {
      await sleep(Math.random() * 20);
      cuts += proxy.cut();
    }
    writing.abort();
    await Promise.all(work);

    const end = await lastSeqs(writers[0], ids);
    const endOf = (id: string) => end.get(id) ?? 0n;
    await expect.poll(() => heard.at(-1)?.event.seq, { timeout: 45_000 }).toBe(endOf(hot));
    await expect.poll(() => ids.every((id) => lastOf(heardOfAll, id) === endOf(id)), { timeout: 45_000 }).toBe(true);
    // Time for an entry too many to come.
    await sleep(100);
    stop.abort();
    await reading;

    expect(heard.map(({ event }) => event.seq)).toEqual(range(1n, endOf(hot)));
    const { events: stored } = await allEvents(writers[0], hot);
    expect(heard.map(({ event }) => [event.seq, event.change.case])).toEqual(stored);
    for (const id of ids) {
      const seqs = heardOfAll.filter(({ event }) => event.conversationId === id).map(({ event }) => event.seq);
      expect(seqs).toEqual(range((begun.get(id) ?? 0n) + 1n, endOf(id)));
    }
  }, 120_000);
});

/** Where the feed of all conversations stands. */
async function presentCursor({ events }: Clients): Promise<string> {
  for await (const { cursor } of events.subscribe({})) return cursor;
  throw new Error("the stream ended before it began");
}

async function collect(entries: AsyncIterable<SubscriptionEntry>, into: SubscriptionEntry[]): Promise<void> {
  try {
    for await (const entry of entries) into.push(entry);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  }
}

/** Sends, edits and deletes until it is told to stop. */
async function write({ messages }: Clients, conversationId: string, stop: AbortSignal): Promise<void> {
  for (let count = 0; !stop.aborted; count++) {
    try {
      const { message } = await messages.sendMessage({ conversationId, message: { content: `message ${count}` } });
      const messageId = message?.id ?? "";
      if (count % 3 === 1) await messages.updateMessage({ messageId, message: { content: `edited ${count}` } });
      if (count % 5 === 2) await messages.deleteMessage({ messageId });
    } catch (error) {
      // On a busy machine so many writers wait for one conversation longer than is allowed.
      if (reasonOf(error) !== ErrorReason.OVERLOADED) throw error;
    }
    await sleep(Math.random() * 300);
  }
}

async function lastSeqs({ conversations }: Clients, ids: string[]): Promise<Map<string, bigint>> {
  const { conversations: read } = await conversations.batchGetConversations({ conversationIds: ids });
  return new Map(read.map(({ id, lastSeq }) => [id, lastSeq]));
}

function lastOf(entries: readonly SubscriptionEntry[], id: string): bigint | undefined {
  return entries.findLast(({ event }) => event.conversationId === id)?.event.seq;
}

function range(from: bigint, to: bigint): bigint[] {
  return Array.from({ length: Number(to - from) + 1 }, (_, index) => from + BigInt(index));
}

async function allEvents({ events: log }: Clients, conversationId: string) {
  const events: [bigint, string | undefined][] = [];
  for (let pageToken = ""; ; ) {
    const page = await log.listEvents({ conversationId, pageSize: 200, pageToken });
    events.push(...page.events.map(({ seq, change }): [bigint, string | undefined] => [seq, change.case]));
    pageToken = page.nextPageToken;
    if (pageToken === "") return { events };
  }
}
