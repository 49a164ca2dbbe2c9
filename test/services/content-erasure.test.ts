// A retention policy that erases content: nothing that was said is left, statistics stay, and what is younger stays.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/colloquy/v1/analytics_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { sweepFiles } from "../../src/jobs/files.ts";
import { runRetention } from "../../src/jobs/retention.ts";
import { tablesWith } from "../support/erasure.ts";
import { reasonOf } from "../support/errors.ts";
import { PIXEL, personOf } from "../support/files.ts";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";

let server: IdentityServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-content-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
});
afterAll(async () => {
  await server.close();
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
  return {
    ...{ mark, ann, bob, credential, conversationId },
    retention: server.client(RetentionService, credential),
    /** Makes the conversation old, and runs a policy that is about it. */
    async run() {
      await server.database.query({ name: "test_content_age", text: age }, [tenant.id, conversationId]);
      const retentionPolicy = {
        displayName: "Words",
        action: RetentionAction.ERASE_CONTENT,
        ageDays: 30,
        priority: -1,
      };
      const nextRunTime = timestampFromMs(Date.now() - 1_000);
      const retention = server.client(RetentionService, credential);
      const made = await retention.createRetentionPolicy({ retentionPolicy: { ...retentionPolicy, nextRunTime } });
      const changed = await runRetention(server.database, tenant.id, undefined);
      await retention.deleteRetentionPolicy({ retentionPolicyId: made.retentionPolicy?.id ?? "" });
      return changed;
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

test("nothing that was said is left in any table, and entries keep their numbers, times and roles", async () => {
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
  const before = await messages();
  const figures = await analytics();
  expect(figures).toMatchObject({ messages: { total: 3n, user: 2n, assistant: 1n, deleted: 1n }, turnCount: 1n });
  expect((await tablesWith(server.database, mark)).length).toBeGreaterThan(5);

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
  const { conversation } = await ann.conversations.getConversation({ conversationId });
  expect(conversation).toMatchObject({ title: "", labels: { kind: "chat" }, participantCount: 2, messageCount: 0n });
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
