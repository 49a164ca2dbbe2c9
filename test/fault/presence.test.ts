// Who is here, who types, and what waits for its time, while the clock is set, a server is killed, and NATS is away.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Signal } from "../../gen/colloquy/v1/signal_pb.ts";
import { makeApiKey } from "../../src/access/keys/api-key.ts";
import { createClient } from "../../src/client/index.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { createHints } from "../../src/live/hints/hints.ts";
import { createNatsHints } from "../../src/live/hints/nats.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { failureOf } from "../support/failure.ts";
import { startServer } from "../support/servers/process.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { HAS_NATS, startNats } from "../support/services/nats-server.ts";

vi.setConfig({ testTimeout: 120_000 });
/** A busy machine takes its time. */
const LONG = { timeout: 45_000 };
const HOUR_MS = 3_600_000;
const STATES = ["", "online", "away", "offline"];

let server: StoreServer;
beforeAll(async () => {
  const makeHints = (url: string) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) });
  server = await startStoreServer({ presence: {}, schedules: true, makeHints });
});
afterAll(() => server.close());
afterEach(() => void vi.useRealTimers());

async function begin(on = server) {
  const tenant = await on.tenant("ann", "bob");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  return { tenant, ann, bob: tenant.member("bob"), conversationId: conversation?.id ?? "" };
}

/** Follows all conversations, and notes who comes and goes, and who types. */
function watch({ events }: Pick<Clients, "events">, background = true) {
  const controller = new AbortController();
  const presences: string[] = [];
  const signals: Signal[] = [];
  let begun = false;
  const request = { includePresence: true, includeSignals: true, background };
  const running = (async () => {
    for await (const { presence, signal } of events.subscribe(request, { signal: controller.signal })) {
      begun = true;
      if (presence !== undefined) presences.push(`${presence.memberId} ${STATES[presence.state]}`);
      if (signal !== undefined) signals.push(signal);
    }
  })().catch(() => {});
  return {
    presences,
    signals,
    begun: () => expect.poll(() => begun, LONG).toBe(true),
    async close() {
      controller.abort();
      await running;
    },
  };
}

const seen = async ({ presence }: Clients, memberId = "bob") =>
  STATES[(await presence.batchGetPresence({ memberIds: [memberId] })).presences[0]?.state ?? 0];
const becomes = (by: Clients, state: string) => expect.poll(() => seen(by), LONG).toBe(state);
/** The last time that a member was seen, in seconds before PostgreSQL's now. */
async function lastSeenAgo(tenantId: string): Promise<number> {
  const text = `/* test */ select extract(epoch from clock_timestamp() - last_seen_time)::float8 as ago
    from presence where tenant_id = $1 and member_id = 'bob'`;
  const [row] = await server.database.query<{ ago: number }>({ name: "test_seen_ago", text }, [tenantId]);
  return row?.ago ?? Number.NaN;
}
const leases = async (tenantId: string) => {
  const text = "/* test */ select expire_time::text as over from presence_lease where tenant_id = $1";
  return (await server.database.query<{ over: string }>({ name: "test_leases", text }, [tenantId])).map(
    ({ over }) => over,
  );
};

describe.each([
  ["back", -HOUR_MS],
  ["forward", HOUR_MS],
])("the server's clock is set %s by an hour:", (_, ms) => {
  const jump = () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + ms);
  };

  test("who is here stays, leaves when its stream ends, and was last seen by PostgreSQL's clock", async () => {
    const { tenant, ann, bob } = await begin();
    const stream = watch(bob, false);
    await becomes(ann, "online");
    jump();
    const before = await leases(tenant.id);
    await expect.poll(() => leases(tenant.id), LONG).not.toEqual(before);
    expect(await seen(ann)).toBe("online");
    await stream.close();
    await becomes(ann, "offline");
    const ago = await lastSeenAgo(tenant.id);
    expect(ago).toBeGreaterThan(-60);
    expect(ago).toBeLessThan(60);
  });

  test("who types still does for those who come, and may say so no sooner", async () => {
    const { ann, bob, conversationId } = await begin();
    await bob.signals.sendSignal({ conversationId, name: "typing" });
    jump();
    expect(await failureOf(bob.signals.sendSignal({ conversationId, name: "typing" }))).toMatchObject({
      reason: "RATE_LIMITED",
    });
    const late = watch(ann);
    await expect.poll(() => late.signals.map(({ name }) => name), LONG).toEqual(["typing"]);
    await late.close();
  });

  test("what is due by PostgreSQL's clock is sent, and what is not stays", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const schedule = async (content: string, aheadMs: number) => {
      const scheduledMessage = { message: { content }, sendTime: timestampFromMs(Date.now() + aheadMs) };
      return (await bob.drafts.scheduleMessage({ conversationId, scheduledMessage })).scheduledMessage?.id ?? "";
    };
    await schedule("in half an hour", HOUR_MS / 2);
    const due = await schedule("now", 24 * HOUR_MS);
    jump();
    const text =
      "/* test */ update scheduled_message set send_time = clock_timestamp() where tenant_id = $1 and id = $2";
    await server.database.query({ name: "test_due_now", text }, [tenant.id, due]);
    // The server looks when another is scheduled.
    await schedule("tomorrow", 24 * HOUR_MS);
    const said = async () =>
      (await ann.messages.listMessages({ conversationId })).messages.map(({ content }) => content);
    await expect.poll(said, LONG).toEqual(["now"]);
    const { scheduledMessages } = await bob.drafts.listScheduledMessages({});
    expect(scheduledMessages.map(({ message }) => message?.content)).toEqual(["in half an hour", "tomorrow"]);
  });
});

test("a server that is killed leaves its members online for its lease, and last seen while it lived", async () => {
  const { tenant, ann } = await begin();
  const folder = await mkdtemp(join(tmpdir(), "colloquy-killed-"));
  const { keyId, text, secretHash } = makeApiKey(tenant.id, newId());
  const insert = `insert into api_key (tenant_id, id, scopes, secret_hash, creator) values ($1, $2, '{read}', $3, 'test')`;
  await server.database.query({ name: "test_key", text: insert }, [tenant.id, keyId, Buffer.from(secretHash)]);
  const killed = startServer({ PORT: "0", DATABASE_URL: server.own.url, COLLOQUY_DATA_DIR: folder });
  const baseUrl = /http:\/\/\S+/.exec(await killed.ready)?.[0] ?? "";
  const watcher = watch(ann);
  await watcher.begun();
  const stream = watch(createClient({ baseUrl, apiKey: text, actFor: "bob" }), false);
  await expect.poll(() => watcher.presences, LONG).toEqual(["bob online"]);
  killed.signal("SIGKILL");
  await killed.ended;
  await stream.close();
  expect(await seen(ann)).toBe("online");
  // As if half a minute went by, the length of its lease.
  const later = `/* test */ update presence_lease set seen_time = seen_time - interval '30 seconds',
    expire_time = expire_time - interval '30 seconds' where tenant_id = $1`;
  await server.database.query({ name: "test_later", text: later }, [tenant.id]);
  await expect.poll(() => watcher.presences, LONG).toEqual(["bob online", "bob offline"]);
  expect(await lastSeenAgo(tenant.id)).toBeGreaterThan(30);
  expect(await lastSeenAgo(tenant.id)).toBeLessThan(90);
  await watcher.close();
  await rm(folder, { recursive: true });
});

test.skipIf(!HAS_NATS)("what NATS did not carry while it was away is made up for once it is back", async () => {
  await using nats = await startNats();
  await using stack = new AsyncDisposableStack();
  const url = `nats://127.0.0.1:${nats.port}`;
  const makeHints = () => createHints({ carrier: createNatsHints({ url, onError: () => {} }), onLost: () => {} });
  const one = await startStoreServer({ presence: {}, makeHints });
  stack.defer(() => one.close());
  const two = await startStoreServer({ presence: {}, makeHints, beside: one });
  stack.defer(() => two.close());
  const { tenant, ann, conversationId } = await begin(one);
  const bob = two.sameTenant(tenant).member("bob");
  const watcher = watch(ann);
  await watcher.begun();
  const types = async () => {
    await bob.signals.sendSignal({ conversationId, name: "typing" }).catch(() => {});
    return watcher.signals.length;
  };
  await expect.poll(types, LONG).toBeGreaterThan(0);
  await nats.kill();
  const stream = watch(bob, false);
  await becomes(ann, "online");
  expect(watcher.presences).toEqual([]);
  const before = watcher.signals.length;
  nats.start();
  await expect.poll(() => watcher.presences, LONG).toEqual(["bob online"]);
  await expect.poll(types, LONG).toBeGreaterThan(before);
  await stream.close();
  await expect.poll(() => watcher.presences, LONG).toEqual(["bob online", "bob offline"]);
  await watcher.close();
});
