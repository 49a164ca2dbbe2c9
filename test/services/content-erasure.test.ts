// A retention policy that erases content: nothing that was said is left, statistics stay, and what is younger stays.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { AnalyticsService } from "../../gen/colloquy/v1/analytics_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { WebhookOutcome } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { sweepFiles } from "../../src/jobs/files.ts";
import { insertAttempts } from "../../src/store/webhooks/attempts.ts";
import { PIXEL, personOf } from "../support/calls/files.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { reasonOf } from "../support/errors.ts";
import { tablesWith } from "../support/postgres/erasure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { runPolicies } from "../support/servers/retention.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";

let server: IdentityServer;
let folder: string;
let openai: FakeOpenAi;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-content-"));
  openai = await startFakeOpenAi();
  const environment = { COLLOQUY_FILES: `disk:${folder}`, COLLOQUY_AGENT_PRIVATE: "yes" };
  server = await startIdentityServer({ environment });
});
afterAll(async () => {
  await server.close();
  await openai.close();
  await rm(folder, { recursive: true });
});

/** Ann and bob talk, with a mark in all that they say that nothing else has. */
async function begin() {
  const tenant = await server.tenant();
  for (const id of ["ann", "bob"]) await tenant.addMember(id);
  const ann = personOf(server, await tenant.token("ann"));
  const bob = personOf(server, await tenant.token("bob"));
  const { credential } = await tenant.key("read", "write", "admin");
  const mark = `mark-${newId()}`;
  const { conversation } = await ann.conversations.createConversation({
    conversation: { title: `Our ${mark}`, metadata: { note: mark }, labels: { kind: "chat" } },
    participantIds: ["bob"],
    requestId: newId(),
  });
  const conversationId = conversation?.id ?? "";
  const age = `update conversation set create_time = now() - interval '40 days', last_message_time = now() - interval '35 days'
    where tenant_id = $1 and id = $2`;
  const retention = server.client(RetentionService, credential);
  const makeOld = () => server.database.query({ name: "test_content_age", text: age }, [tenant.id, conversationId]);
  const runPolicy = async () => {
    const rule = { displayName: "Words", action: RetentionAction.ERASE_CONTENT, ageDays: 30, priority: -1 };
    const nextRunTime = timestampFromMs(Date.now() - 1_000);
    const made = await retention.createRetentionPolicy({ retentionPolicy: { ...rule, nextRunTime } });
    const run = await runPolicies(retention, server.database, tenant.id);
    await retention.deleteRetentionPolicy({ retentionPolicyId: made.retentionPolicy?.id ?? "" });
    return Number(run?.erasedCount);
  };
  return {
    ...{ tenant, mark, ann, bob, credential, conversationId, retention, makeOld, runPolicy },
    /** Makes the conversation old, and runs a policy that is about it. */
    async run() {
      await makeOld();
      return runPolicy();
    },
    say: async (who: typeof ann, message: object) =>
      (await who.messages.sendMessage({ conversationId, message })).message?.id ?? "",
    sweep: async () => sweepFiles(server.database, await createDiskStore(folder), tenant.id),
    analytics: async () =>
      (await server.client(AnalyticsService, credential).getConversationAnalytics({ conversationId })).analytics,
    messages: async () =>
      (await ann.messages.listMessages({ conversationId, deleted: DeletedFilter.INCLUDE })).messages,
  };
}

test("F-ERASE-CONTENT: nothing that was said is left in any table, and entries keep their numbers, times and roles", async () => {
  const { mark, ann, bob, credential, conversationId, run, say, sweep, analytics, messages, retention } = await begin();
  const asked = await say(ann, { content: `first ${mark}` });
  await ann.messages.updateMessage({ messageId: asked, message: { content: `second ${mark}` } });
  await say(bob, { role: MessageRole.ASSISTANT, content: `answer ${mark}`, metadata: { of: mark }, mentions: ["ann"] });
  const hidden = await say(bob, { content: `hidden ${mark}` });
  await bob.messages.deleteMessage({ messageId: hidden });
  await server.client(ReactionService, bob.credential).addReaction({ messageId: asked, reaction: `:${mark}:` });
  const file = await bob.upload(PIXEL, { name: `${mark}.png` });
  await bob.send(conversationId, file.id);
  const drafts = server.client(DraftService, bob.credential);
  await drafts.setDraft({ conversationId, message: { content: `draft ${mark}` } });
  const sendTime = timestampFromMs(Date.now() + 3_600_000);
  await drafts.scheduleMessage({
    conversationId,
    scheduledMessage: { message: { content: `later ${mark}` }, sendTime },
  });
  const participants = server.client(ParticipantService, bob.credential);
  await participants.setMemberView({ conversationId, metadata: { note: mark }, pinned: true });
  const before = await messages();
  const figures = await analytics();
  expect(figures).toMatchObject({ messages: { total: 3n, user: 2n, assistant: 1n, deleted: 1n }, turnCount: 1n });
  expect((await tablesWith(server.database, mark)).length).toBeGreaterThan(5);

  const read = async () => (await ann.conversations.getConversation({ conversationId })).conversation;
  const { updateTime } = (await read()) ?? {};
  expect(await run()).toBe(1);
  await sweep();
  expect(await tablesWith(server.database, mark)).toEqual([]);

  const after = await messages();
  const skeleton = ({ seq, role, createTime }: (typeof before)[number]) => [seq, role, createTime];
  expect(after.map(skeleton)).toEqual(before.map(skeleton));
  for (const message of after) {
    const empty = { content: "", parts: [], reactions: [], mentions: [], sender: { id: "erased" } };
    expect(message).toMatchObject({ ...empty, deleteTime: expect.anything() });
  }
  expect(await analytics()).toMatchObject({
    ...{ messages: figures?.messages, turnCount: 1n, userCharacterCount: 0n, assistantCharacterCount: 0n },
    ...{ firstReplyDelay: figures?.firstReplyDelay, duration: figures?.duration },
  });
  expect(await read()).toMatchObject({
    title: "",
    labels: { kind: "chat" },
    participantCount: 2,
    messageCount: 0n,
    updateTime,
  });
  expect(await reasonOf(ann.messages.restoreMessage({ messageId: hidden }))).toBe("NOT_FOUND");

  const { events } = await server.client(EventService, credential).listEvents({ conversationId, pageSize: 200 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => BigInt(index + 1)));
  expect(events.filter(({ change }) => change.case === "messageDeleted")).toHaveLength(4);
  const { retentionRuns } = await retention.listRetentionRuns({});
  expect(retentionRuns).toMatchObject([{ erasedCount: 1n, deletedCount: 0n, purgedCount: 0n, heldCount: 0n }]);
  const { auditEntries } = await server
    .client(AuditService, credential)
    .listAuditEntries({ resourceId: conversationId });
  expect(auditEntries.map(({ action }) => action)).toContain("conversation.erase_content");
});

test("what was emptied is not due again until somebody writes, and then only that is erased", async () => {
  const { ann, run, say, messages, analytics } = await begin();
  await say(ann, { content: "old" });
  expect([await run(), await run()]).toEqual([1, 0]);
  await say(ann, { content: "new" });
  expect((await messages()).map(({ content }) => content)).toEqual(["", "new"]);
  expect(await run()).toBe(1);
  expect((await messages()).map(({ content }) => content)).toEqual(["", ""]);
  expect((await analytics())?.messages).toMatchObject({ total: 2n, user: 2n, deleted: 0n });
});

test("a legal hold keeps the content, and the run counts it", async () => {
  const { ann, credential, conversationId, run, say, messages, retention } = await begin();
  await say(ann, { content: "evidence" });
  const holds = server.client(LegalHoldService, credential);
  const scope = { case: "memberId" as const, value: "ann" };
  const { legalHold } = await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope } });
  expect(await run()).toBe(0);
  const { retentionRuns } = await retention.listRetentionRuns({});
  expect(retentionRuns).toMatchObject([{ erasedCount: 0n, heldCount: 1n, failedCount: 0n }]);
  expect(await messages()).toMatchObject([{ content: "evidence" }]);
  await holds.liftLegalHold({ legalHoldId: legalHold?.id ?? "", reason: "over" });
  expect(await run()).toBe(1);
  expect(await messages()).toMatchObject([{ content: "" }]);
  expect((await ann.conversations.getConversation({ conversationId })).conversation?.title).toBe("");
});

test("F-ERASE-CONTENT: what a running turn was asked is erased once it has ended", async () => {
  const { mark, ann, credential, conversationId, run } = await begin();
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "helper", connector } });
  await ann.conversations.updateConversation({ conversationId, conversation: { agent: "helper" } });
  const speaking = Promise.withResolvers<void>();
  openai.answer = async (call) => {
    call.say(`so far ${mark}`);
    speaking.resolve();
    await call.gone;
  };
  const turns = server.client(TurnService, ann.credential);
  const options = { instructions: `Be brief ${mark}` };
  const chat = turns.chat({ conversationId, message: { content: mark }, options });
  const heard = Array.fromAsync(chat).catch((error: unknown) => error);
  await speaking.promise;
  expect(await run()).toBe(1);
  await heard;
  await expect.poll(async () => (await turns.listTurns({ conversationId })).turns[0]?.endTime).toBeDefined();
  // One run, unless something else holds the conversation: such a one is left to the next.
  const left = async () => {
    await run();
    return tablesWith(server.database, mark);
  };
  await expect.poll(left).toEqual([]);
  expect(await run()).toBe(0);
});

test("F-ERASE-CONTENT: an import of what was exported before brings nothing back", async () => {
  const { mark, ann, bob, credential, run, say } = await begin();
  const messageId = await say(ann, { content: mark });
  await server.client(ReactionService, bob.credential).addReaction({ messageId, reaction: `:${mark}:` });
  const clients = { transfer: server.client(TransferService, credential) };
  const lines = await exported(clients);
  expect(lines.some((line) => line.includes(`:${mark}:`))).toBe(true);
  await run();
  expect((await imported(clients, lines)).errors).toEqual([]);
  expect(await tablesWith(server.database, mark)).toEqual([]);
});

test("what endpoints of webhooks have responded goes too, also with a purge", async () => {
  const { tenant, mark, ann, credential, conversationId, run, say } = await begin();
  const endpoint = { target: { case: "url", value: "https://hooks.invalid/" } } as const;
  const made = await server.client(WebhookService, credential).createWebhookEndpoint({ endpoint });
  const respond = async () => {
    const attempt = {
      id: newId(),
      webhook_id: "msg",
      outcome: WebhookOutcome.SUCCEEDED,
      status: 200,
      duration_ms: 1,
      error: "",
      seq: 1n,
    };
    const of = { endpoint_id: made.endpoint?.id ?? "", conversation_id: conversationId, event_count: 1 };
    const rest = { response_body: `heard ${mark}`, next_attempt_time: null, create_time: new Date() };
    await insertAttempts(server.database, tenant.id, [{ ...attempt, ...of, ...rest }]);
  };
  await say(ann, { content: "old" });
  await respond();
  expect(await tablesWith(server.database, mark)).toContain("webhook_attempt");
  await run();
  expect(await tablesWith(server.database, mark)).toEqual([]);
  await respond();
  const key = personOf(server, credential);
  await key.conversations.deleteConversation({ conversationId });
  await key.conversations.purgeConversation({ conversationId });
  expect(await tablesWith(server.database, mark)).toEqual([]);
});

test("a conversation that somebody has locked is tried again, then counted as failed until the next run", async () => {
  const { tenant, ann, conversationId, run, makeOld, runPolicy, say, retention, messages } = await begin();
  await say(ann, { content: "old" });
  await makeOld();
  const [locked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const text = "update conversation set version = version where tenant_id = $1 and id = $2";
  const holding = server.database.transaction(undefined, async (tx) => {
    await tx.query({ name: "test_content_locked", text }, [tenant.id, conversationId]);
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  expect(await runPolicy()).toBe(0);
  expect((await retention.listRetentionRuns({})).retentionRuns).toMatchObject([{ erasedCount: 0n, failedCount: 1n }]);
  release.resolve();
  await holding;
  expect(await run()).toBe(1);
  expect((await messages()).map(({ content }) => content)).toEqual([""]);
});
