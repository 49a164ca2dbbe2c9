// Drafts, which are their writer's alone, and scheduled messages, which are sent once.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import type { Draft } from "../../gen/colloquy/v1/draft_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { createClient } from "../../src/client/index.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { createHints } from "../../src/live/hints/hints.ts";
import { createPostgresHints } from "../../src/live/hints/postgres.ts";
import { sweepUnsent } from "../../src/store/drafts/drafts.ts";
import { failureOf } from "../support/failure.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
let beside: StoreServer;
beforeAll(async () => {
  const makeHints = (url: string) => createHints({ carrier: createPostgresHints({ url, onError: () => {} }) });
  server = await startStoreServer({ schedules: true, makeHints });
  beside = await startStoreServer({ beside: server, schedules: true, makeHints });
});
afterAll(async () => {
  await beside.close();
  await server.close();
});

async function begin() {
  const tenant = await server.tenant("ann", "bob", "eve");
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  return { tenant, ann, bob: tenant.member("bob"), conversationId: conversation?.id ?? "" };
}

const soon = (ms = 150) => timestampFromMs(Date.now() + ms);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function schedule({ drafts }: Clients, conversationId: string, content: string, ms?: number, more: object = {}) {
  const wish = { message: { content, ...more }, sendTime: soon(ms) };
  const { scheduledMessage } = await drafts.scheduleMessage({ conversationId, scheduledMessage: wish });
  return scheduledMessage?.id ?? "";
}
const said = async ({ messages }: Clients, conversationId: string) =>
  (await messages.listMessages({ conversationId })).messages.map(({ content }) => content);
const waiting = async ({ drafts }: Clients, filter: object = {}) =>
  (await drafts.listScheduledMessages(filter)).scheduledMessages;

describe("a draft", () => {
  test("is kept for each writer and conversation, as it was given, and seen by its writer alone", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const { message } = await ann.messages.sendMessage({ conversationId, message: { content: "well?" } });
    const wish = { content: "I thi", replyTo: message?.id ?? "", mentions: ["ann"], metadata: { caret: 5 }, seq: 9n };
    const { draft } = await bob.drafts.setDraft({ conversationId, message: wish });
    expect(draft).toMatchObject({ conversationId, message: { content: "I thi", metadata: { caret: 5 }, seq: 0n } });
    expect(await bob.drafts.getDraft({ conversationId })).toMatchObject({ draft });
    expect((await bob.drafts.listDrafts({})).drafts).toEqual([draft]);
    expect(await failureOf(ann.drafts.getDraft({ conversationId }))).toMatchObject({ reason: "NOT_FOUND" });
    expect((await tenant.key(["read", "write"]).drafts.listDrafts({})).drafts).toEqual([]);
    expect(await failureOf(tenant.member("eve").drafts.setDraft({ conversationId, message: {} }))).toMatchObject({
      reason: "NOT_FOUND",
    });
    expect(await said(ann, conversationId)).toEqual(["well?"]);
    const { conversation } = await ann.conversations.getConversation({ conversationId });
    expect(conversation?.lastSeq).toBe(3n);
  });

  test("is not written over by a device that has not seen the latest one, where it says so", async () => {
    const { bob, conversationId } = await begin();
    const set = (content: string, etag = "") => bob.drafts.setDraft({ conversationId, message: { content }, etag });
    const first = (await set("one")).draft?.etag ?? "";
    const second = (await set("two", first)).draft?.etag ?? "";
    expect(second).not.toBe(first);
    expect(await failureOf(set("three", first))).toMatchObject({ reason: "ETAG_MISMATCH" });
    expect(await failureOf(bob.drafts.deleteDraft({ conversationId, etag: first }))).toMatchObject({
      reason: "ETAG_MISMATCH",
    });
    await bob.drafts.deleteDraft({ conversationId, etag: second });
    await bob.drafts.deleteDraft({ conversationId });
    expect((await bob.drafts.listDrafts({})).drafts).toEqual([]);
    expect(await failureOf(set("four", second))).toMatchObject({ reason: "ETAG_MISMATCH" });
  });

  test("is listed latest first, in pages, as long as its conversation is seen", async () => {
    const { ann, bob } = await begin();
    const ids: string[] = [];
    for (const content of ["a", "b", "c"]) {
      const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
      const conversationId = conversation?.id ?? "";
      await bob.drafts.setDraft({ conversationId, message: { content } });
      ids.push(conversationId);
    }
    const contents = (drafts: readonly Draft[]) => drafts.map(({ message }) => message?.content);
    const page = await bob.drafts.listDrafts({ pageSize: 2 });
    expect(contents(page.drafts)).toEqual(["c", "b"]);
    expect(contents((await bob.drafts.listDrafts({ pageSize: 2, pageToken: page.nextPageToken })).drafts)).toEqual([
      "a",
    ]);
    await ann.participants.removeParticipant({ conversationId: ids[0] ?? "", memberId: "bob" });
    await ann.conversations.deleteConversation({ conversationId: ids[1] ?? "" });
    expect(contents((await bob.drafts.listDrafts({})).drafts)).toEqual(["c"]);
    // Of one conversation: that there is none is no failure, whether or not the conversation is seen, or is there.
    const of = async (conversationId = "", who = bob) => (await who.drafts.listDrafts({ conversationId })).drafts;
    expect(contents(await of(ids[2]))).toEqual(["c"]);
    expect(contents(await of(ids[2]?.toUpperCase()))).toEqual(["c"]);
    for (const id of [ids[0], ids[1], newId(), "none"]) expect(await of(id)).toEqual([]);
    expect(await of(ids[2], ann)).toEqual([]);
  });

  test("reaches the other devices of its writer, on every server, and nobody else", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const seen: Record<string, Draft[]> = { bob: [], far: [], ann: [] };
    const stop = new AbortController();
    const follow = (name: string, on: StoreServer, who: string, member: TestTenant) => {
      const client = createClient({ baseUrl: on.url, interceptors: [member.introduce(who)] });
      const options = { signal: stop.signal, onDraft: (draft: Draft) => seen[name]?.push(draft) };
      const entries = client.subscribe(options);
      return (async () => {
        for await (const _ of entries);
      })().catch(() => {});
    };
    const there = beside.sameTenant(tenant);
    const running = [
      follow("bob", server, "bob", tenant),
      follow("far", beside, "bob", there),
      follow("ann", server, "ann", tenant),
    ];
    let count = 0;
    const write = async () => {
      await bob.drafts.setDraft({ conversationId, message: { content: `${++count}` } });
      return Math.min(seen.bob?.length ?? 0, seen.far?.length ?? 0);
    };
    await expect.poll(write, { timeout: 45_000 }).toBeGreaterThan(0);
    await bob.drafts.setDraft({ conversationId, message: { content: "last" } });
    for (const name of ["bob", "far"]) {
      await expect.poll(() => seen[name]?.at(-1)?.message?.content, { timeout: 45_000 }).toBe("last");
    }
    await bob.drafts.deleteDraft({ conversationId });
    for (const name of ["bob", "far"]) {
      await expect.poll(() => seen[name]?.at(-1)).toMatchObject({ conversationId });
      await expect.poll(() => seen[name]?.at(-1)?.message).toBeUndefined();
    }
    expect(seen.ann).toEqual([]);
    expect(
      await failureOf(ann.events.subscribe({ conversationId, includeDrafts: true })[Symbol.asyncIterator]().next()),
    ).toMatchObject({ reason: "INVALID_FIELD" });
    stop.abort();
    await Promise.all(running);
  });
});

describe("a scheduled message", () => {
  test("is sent once at its time under its own id, by one of two servers, with what it names", async () => {
    const { ann, bob, conversationId } = await begin();
    const { message: asked } = await ann.messages.sendMessage({ conversationId, message: { content: "when?" } });
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        schedule(bob, conversationId, `later ${index}`, 4_000, { replyTo: asked?.id, mentions: ["ann"] }),
      ),
    );
    const left = await waiting(bob, { conversationId });
    expect(left.map(({ state, failure }) => [state, failure])).toEqual(left.map(() => [1, ""]));
    await expect.poll(async () => (await said(ann, conversationId)).length, { timeout: 45_000 }).toBe(21);
    expect(await waiting(bob)).toEqual([]);
    expect(new Set(await said(ann, conversationId)).size).toBe(21);
    const { message } = await ann.messages.getMessage({ messageId: ids[7] ?? "" });
    expect(message).toMatchObject({ content: "later 7", sender: { id: "bob" }, replyTo: asked?.id, mentions: ["ann"] });
    expect((await ann.messages.getMessage({ messageId: asked?.id ?? "" })).message?.replyCount).toBe(20);
    const failure = await failureOf(bob.drafts.getScheduledMessage({ scheduledMessageId: ids[7] ?? "" }));
    expect(failure).toMatchObject({ reason: "NOT_FOUND" });
    // Nobody sends them again.
    const { conversation } = await ann.conversations.getConversation({ conversationId });
    expect(conversation?.lastSeq).toBe(23n);
  });

  test("is not held up by another sender who has scheduled many for the same time", async () => {
    const [crowd, lone] = [await begin(), await begin()];
    // Not all at once: on a busy machine, the last would wait too long for the conversation.
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 15 }, () => schedule(crowd.bob, crowd.conversationId, "theirs", HOUR)));
    const mine = await schedule(lone.bob, lone.conversationId, "mine", HOUR);
    const text =
      "update scheduled_message s set send_time = statement_timestamp() + $2 * interval '1 ms' where s.tenant_id = $1";
    // At once: otherwise the crowd's may all be sent before the lone one is due.
    await server.database.transaction(undefined, async (tx) => {
      await tx.query({ name: "test_due", text }, [crowd.tenant.id, 0]);
      await tx.query({ name: "test_due", text }, [lone.tenant.id, 1]);
    });
    await expect.poll(() => waiting(crowd.bob), { timeout: 45_000 }).toEqual([]);
    expect(await said(lone.ann, lone.conversationId)).toEqual(["mine"]);
    const { message } = await lone.ann.messages.getMessage({ messageId: mine });
    const time = timestampMs(message?.createTime ?? timestampFromMs(0));
    const { messages } = await crowd.ann.messages.listMessages({ conversationId: crowd.conversationId, pageSize: 200 });
    const before = messages.filter(({ createTime }) => createTime && timestampMs(createTime) < time);
    expect([messages.length, before.length < 100]).toEqual([150, true]);
  });

  test("waits until then, and can be cancelled by who scheduled it", async () => {
    const { ann, bob, conversationId } = await begin();
    const [later, sooner] = [
      await schedule(bob, conversationId, "in a day", DAY),
      await schedule(bob, conversationId, "in an hour", HOUR),
    ];
    expect((await waiting(bob)).map(({ id }) => id)).toEqual([sooner, later]);
    expect(await waiting(ann)).toEqual([]);
    for (const call of [ann.drafts.getScheduledMessage, ann.drafts.cancelScheduledMessage]) {
      expect(await failureOf(call({ scheduledMessageId: later }))).toMatchObject({ reason: "NOT_FOUND" });
    }
    await bob.drafts.cancelScheduledMessage({ scheduledMessageId: sooner });
    expect(await failureOf(bob.drafts.cancelScheduledMessage({ scheduledMessageId: sooner }))).toMatchObject({
      reason: "NOT_FOUND",
    });
    expect((await waiting(bob)).map(({ id }) => id)).toEqual([later]);
    expect(await said(ann, conversationId)).toEqual([]);
  });

  test("is refused for a time that has passed or is more than 90 days ahead, and for what could not be sent now", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const refused = async (call: Promise<unknown>) => {
      const { reason, message } = await failureOf(call);
      return `${reason} ${message}`;
    };
    expect(await refused(schedule(bob, conversationId, "x", -1))).toContain("send_time: must be in the future");
    expect(await refused(schedule(bob, conversationId, "x", 90 * DAY + 60_000))).toContain(
      "send_time: must be at most 90 days ahead",
    );
    await schedule(bob, conversationId, "x", 90 * DAY - 60_000);
    const without = bob.drafts.scheduleMessage({ conversationId, scheduledMessage: { message: { content: "x" } } });
    expect(await refused(without)).toContain("send_time: must be set");
    expect(
      await refused(bob.drafts.scheduleMessage({ conversationId, scheduledMessage: { sendTime: soon() } })),
    ).toContain("message: must be set");
    expect(await refused(schedule(bob, conversationId, ""))).toBe(
      "INVALID_FIELD scheduled_message.message: must have content, parts or metadata",
    );
    await schedule(bob, conversationId, "", HOUR, { metadata: { sticker: "wave" } });
    expect(await refused(schedule(bob, conversationId, "x", HOUR, { mentions: ["eve"] }))).toContain(
      "scheduled_message.message.mentions[0]: takes no part in the conversation",
    );
    expect(await refused(schedule(tenant.member("eve"), conversationId, "x", HOUR))).toContain("NOT_FOUND");
    await ann.conversations.updateConversation({ conversationId, conversation: { status: 3 } });
    expect(await refused(schedule(bob, conversationId, "x", HOUR))).toContain("CONVERSATION_CLOSED");
  });

  test("fails, and stays in the list, if its sender may not send it any more", async () => {
    const { ann, bob, conversationId } = await begin();
    const [closed, gone] = await Promise.all(
      [1, 2].map(async () => {
        const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
        return conversation?.id ?? "";
      }),
    );
    for (const id of [conversationId, closed ?? "", gone ?? ""]) await schedule(bob, id, "late", 5_000);
    await ann.participants.removeParticipant({ conversationId, memberId: "bob" });
    await ann.conversations.updateConversation({ conversationId: closed ?? "", conversation: { status: 3 } });
    await ann.conversations.deleteConversation({ conversationId: gone ?? "" });
    await expect.poll(async () => (await waiting(bob, { state: 2 })).length, { timeout: 45_000 }).toBe(3);
    const failures = new Map((await waiting(bob)).map((one) => [one.conversationId, one.failure]));
    expect(failures.get(conversationId)).toMatch(/^NOT_FOUND: /);
    expect(failures.get(gone ?? "")).toMatch(/^NOT_FOUND: /);
    expect(failures.get(closed ?? "")).toMatch(/^CONVERSATION_CLOSED: /);
    expect(await said(ann, conversationId)).toEqual([]);
    await ann.conversations.restoreConversation({ conversationId: gone ?? "" });
    expect(await said(ann, gone ?? "")).toEqual([]);
  });

  test("with a client id that was sent meanwhile is that message", async () => {
    const { bob, conversationId } = await begin();
    await schedule(bob, conversationId, "once", 4_000, { clientId: "c-1" });
    await bob.messages.sendMessage({ conversationId, message: { content: "once", clientId: "c-1" } });
    await expect.poll(() => waiting(bob), { timeout: 45_000 }).toEqual([]);
    expect(await said(bob, conversationId)).toEqual(["once"]);
  });

  test("with a request id is scheduled once", async () => {
    const { bob, conversationId } = await begin();
    const scheduledMessage = { message: { content: "x" }, sendTime: soon(HOUR) };
    const call = () => bob.drafts.scheduleMessage({ conversationId, scheduledMessage, requestId: "r1" });
    expect(await call()).toEqual(await call());
    expect(await waiting(bob)).toHaveLength(1);
  });

  test("is erased with its conversation, and with its sender", async () => {
    const { ann, bob, conversationId } = await begin();
    await schedule(ann, conversationId, "x", HOUR);
    await ann.drafts.setDraft({ conversationId, message: { content: "x" } });
    await server.database.query(
      { name: "test_purge_now", text: "delete from conversation where tenant_id = $1 and id = $2::uuid" },
      [(await ann.conversations.getConversation({ conversationId })).conversation?.tenantId, conversationId],
    );
    expect(await waiting(ann)).toEqual([]);
    expect((await ann.drafts.listDrafts({})).drafts).toEqual([]);
    expect(await waiting(bob)).toEqual([]);
  });
});

/** Fills what a caller may have, up to so many bytes. */
async function fill(
  table: "draft" | "scheduled_message",
  { id }: TestTenant,
  actor: string,
  conversationId: string,
  bytes: number,
) {
  const more =
    table === "draft"
      ? ["", ""]
      : [", id, scheduler, send_time, create_time", ", gen_random_uuid(), $3, now() + interval '1 day', now()"];
  const text = `insert into ${table} (tenant_id, conversation_id, actor, message, update_time${more[0]})
    select $1, $2::uuid, $3::text, convert_to(repeat('x', $4::integer), 'UTF8'), now()${more[1]}`;
  await server.database.query({ name: `test_fill_${table}`, text }, [id, conversationId, actor, bytes]);
}

describe("bytes bound what waits", () => {
  const MAX = 16 * 1024 * 1024;

  test("the drafts of a caller in all conversations; the one that takes the place of another counts once", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    const { conversation } = await ann.conversations.createConversation({});
    await fill("draft", tenant, "ann", conversation?.id ?? "", MAX - 100);
    const set = (clients: Clients, content: string) =>
      clients.drafts.setDraft({ conversationId, message: { content } });
    await set(ann, "x".repeat(90));
    await set(ann, "y".repeat(90));
    expect(await failureOf(set(ann, "x".repeat(200)))).toMatchObject({
      reason: "QUOTA_EXCEEDED",
      message: "drafts with 16 MiB in all are the most that a caller may have",
    });
    await set(bob, "x".repeat(200));
    expect((await ann.drafts.getDraft({ conversationId })).draft?.message?.content).toBe("y".repeat(90));
  });

  test("the scheduled messages of a caller, whether they wait or have failed", async () => {
    const { tenant, ann, bob, conversationId } = await begin();
    await fill("scheduled_message", tenant, "ann", conversationId, MAX - 100);
    await schedule(ann, conversationId, "x".repeat(90), HOUR);
    expect(await failureOf(schedule(ann, conversationId, "x".repeat(10), HOUR))).toMatchObject({
      reason: "QUOTA_EXCEEDED",
      message: "1000 scheduled messages, with 16 MiB in all, are the most that a caller may have",
    });
    await schedule(bob, conversationId, "x".repeat(90), HOUR);
  });
});

test("what an API key has not sent is erased once the key is revoked or has expired; that of others stays", async () => {
  const { tenant, ann, conversationId } = await begin();
  const keys = { lives: newId(), revoked: newId(), expired: newId() };
  const text = `insert into api_key (tenant_id, id, scopes, secret_hash, creator, revoke_time, expire_time)
    values ($1, $2::uuid, '{write}', decode('00', 'hex'), 'member:ann', $3::timestamptz, $4::timestamptz)`;
  const past = new Date(Date.now() - 1_000);
  for (const [id, revoked, expires] of [
    [keys.lives, null, new Date(Date.now() + DAY)],
    [keys.revoked, past, null],
    [keys.expired, null, past],
  ] as const) {
    await server.database.query({ name: "test_key", text }, [tenant.id, id, revoked, expires]);
    await fill("draft", tenant, `key:${id}`, conversationId, 10);
    await fill("scheduled_message", tenant, `key:${id}`, conversationId, 10);
  }
  await ann.drafts.setDraft({ conversationId, message: { content: "hers" } });
  expect(await sweepUnsent(server.database, tenant.id)).toBe(4);
  expect(await sweepUnsent(server.database, tenant.id)).toBe(0);
  const left = `/* test */ select actor from draft where tenant_id = $1
    union all select actor from scheduled_message where tenant_id = $1 order by actor`;
  const rows = await server.database.query<{ actor: string }>({ name: "test_unsent", text: left }, [tenant.id]);
  expect(rows.map(({ actor }) => actor)).toEqual(["ann", `key:${keys.lives}`, `key:${keys.lives}`]);
});

describe("the whole server", () => {
  test("sends what an API key has scheduled only while the key may send, and erases with the member", async () => {
    await using whole = await startIdentityServer();
    const tenant = await whole.tenant();
    for (const id of ["ann", "bob"]) await tenant.addMember(id);
    const admin = (await tenant.key("read", "write", "admin")).credential;
    const access = whole.client(AccessService, admin);
    const { apiKey, text } = await access.createApiKey({ apiKey: { scopes: [ApiKeyScope.WRITE, ApiKeyScope.READ] } });
    const key = { authorization: `Bearer ${text}` };
    const { conversation } = await whole.client(ConversationService, admin).createConversation({});
    const conversationId = conversation?.id ?? "";
    const drafts = whole.client(DraftService, key);
    const wish = (content: string, ms: number) => ({
      conversationId,
      scheduledMessage: { message: { content }, sendTime: soon(ms) },
    });
    const messages = whole.client(MessageService, admin);
    await drafts.scheduleMessage(wish("by a key", 3_000));
    const contents = async () =>
      (await messages.listMessages({ conversationId })).messages.map(({ content }) => content);
    await expect.poll(contents, { timeout: 45_000 }).toEqual(["by a key"]);
    await drafts.scheduleMessage(wish("by a revoked key", 4_000));
    await access.revokeApiKey({ apiKeyId: apiKey?.id ?? "" });
    const count = async (state: number) => {
      const sql = "select count(*)::int as count from scheduled_message where tenant_id = $1 and state = $2";
      const [row] = await whole.database.query({ name: "test_scheduled", text: sql }, [tenant.id, state]);
      return (row as { count: number }).count;
    };
    await expect.poll(() => count(2), { timeout: 45_000 }).toBe(1);
    expect(await contents()).toEqual(["by a key"]);

    const bob = whole.client(DraftService, await tenant.token("bob"));
    const own = await whole.client(ConversationService, await tenant.token("bob")).createConversation({});
    const later = { message: { content: "later" }, sendTime: soon(HOUR) };
    await bob.scheduleMessage({ conversationId: own.conversation?.id ?? "", scheduledMessage: later });
    expect(await count(1)).toBe(1);
    await whole.client(DirectoryService, admin).deleteMember({ memberId: "bob" });
    expect(await count(1)).toBe(0);
  });
});
