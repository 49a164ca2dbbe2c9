// Erasure of a person: what is gone, what stays, what cannot come back, and what a legal hold keeps.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { JobKind, JobState } from "../../gen/colloquy/v1/job_pb.ts";
import { JobService } from "../../gen/colloquy/v1/job_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import type { ByteStore } from "../../src/files/byte-store.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { PIXEL, personOf } from "../support/calls/files.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf, reasonOf } from "../support/errors.ts";
import { runJobs, samplesWith, tablesWith } from "../support/postgres/erasure.ts";
import { administer, onCitus } from "../support/postgres/postgres.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let folder: string;
let bytes: ByteStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-erasure-"));
  bytes = await createDiskStore(folder);
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** The files of the folder that hold a text. */
async function filesWith(text: string): Promise<string[]> {
  const found = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const paths = found.map(({ parentPath, name }) => join(parentPath, name));
  const holding = await Promise.all(paths.map(async (path) => (await readFile(path)).includes(text)));
  return paths.filter((_, i) => holding[i]);
}

/** Ann and bob, whose id and words have a mark that nothing else has, in a conversation of ann's. */
async function begin() {
  const tenant = await server.tenant();
  const mark = `mark-${newId()}`;
  const bobId = `bob-${mark}`;
  for (const id of ["ann", bobId]) await tenant.addMember(id);
  const ann = personOf(server, await tenant.token("ann"));
  const bob = personOf(server, await tenant.token(bobId));
  const { credential } = await tenant.key("read", "write", "admin");
  const { conversation } = await ann.conversations.createConversation({
    conversation: { title: "Ours" },
    participantIds: [bobId],
  });
  const conversationId = conversation?.id ?? "";
  return {
    tenant,
    mark,
    bobId,
    ann,
    bob,
    conversationId,
    key: personOf(server, credential),
    credential,
    erasure: server.client(ErasureService, credential),
    jobs: server.client(JobService, credential),
    holds: server.client(LegalHoldService, credential),
    transfer: server.client(TransferService, credential),
    say: async (who: typeof ann, content: string, id = conversationId) =>
      (await who.messages.sendMessage({ conversationId: id, message: { content } })).message?.id ?? "",
    tables: () => tablesWith(server.database, mark),
    erase: async () => {
      const { job } = await server.client(ErasureService, credential).eraseMember({ memberId: bobId });
      const held = await runJobs(server.database, tenant.id, bytes);
      const { job: ended } = await server.client(JobService, credential).getJob({ jobId: job?.id ?? "" });
      return { job: ended, held };
    },
  };
}

test("nothing that a member wrote, said or was is left in any table, and what others wrote stays", async () => {
  const { mark, bobId, ann, bob, conversationId, key, credential, say, tables, erase, erasure } = await begin();
  await say(ann, "from ann");
  const words = await say(bob, `first ${mark}`);
  await bob.messages.updateMessage({ messageId: words, message: { content: `second ${mark}` } });
  const hidden = await say(bob, `deleted ${mark}`);
  await bob.messages.deleteMessage({ messageId: hidden });
  const answer = await ann.messages.sendMessage({
    conversationId,
    message: { content: "to you", mentions: [bobId], replyTo: words },
  });
  const reactions = server.client(ReactionService, bob.credential);
  const named = `:${mark}:`;
  for (const reaction of ["👍", named]) await reactions.addReaction({ messageId: answer.message?.id ?? "", reaction });
  await reactions.removeReaction({ messageId: answer.message?.id ?? "", reaction: named });
  await server
    .client(ReactionService, ann.credential)
    .addReaction({ messageId: answer.message?.id ?? "", reaction: "👍" });
  const file = await bob.upload(PIXEL, { name: `${mark}.png` });
  await bob.send(conversationId, file.id);
  const begun = { ...bob.credential, "tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream" };
  const headers = { ...begun, "upload-length": "1000" };
  const upload = await fetch(`${server.url}/v1/uploads`, { method: "POST", headers, body: `begun ${mark}` });
  expect([upload.status, await filesWith(mark)]).toEqual([201, [expect.any(String)]]);
  const drafts = server.client(DraftService, bob.credential);
  await drafts.setDraft({ conversationId, message: { content: `draft ${mark}` } });
  const sendTime = timestampFromMs(Date.now() + 3_600_000);
  await drafts.scheduleMessage({
    conversationId,
    scheduledMessage: { message: { content: `later ${mark}` }, sendTime },
  });
  const own = await bob.conversations.createConversation({
    conversation: { title: `Own ${mark}`, metadata: { note: mark } },
    requestId: newId(),
  });
  await say(bob, `alone ${mark}`, own.conversation?.id);
  await key.conversations.getConversation({ conversationId });
  expect(await tables()).toEqual(expect.arrayContaining(["audit", "draft", "event", "file", "idempotency", "message"]));
  // As PostgreSQL does by itself at any time: samples of values, by which it plans.
  await administer(server.databaseUrl, "analyze");
  // On Citus the nodes take them: test/sharding/samples.test.ts.
  const sampled = onCitus() ? [] : ["event", "message", "participant"];
  expect(await samplesWith(server.database, mark)).toEqual(expect.arrayContaining(sampled));
  expect(await erasure.previewErasure({ memberId: bobId })).toMatchObject({
    conversationCount: 2n,
    purgedConversationCount: 1n,
    heldCount: 0n,
    messageCount: 4n,
    fileCount: 1n,
  });

  const { job } = await erase();
  expect(job).toMatchObject({ kind: JobKind.ERASE_MEMBER, state: JobState.SUCCEEDED, heldCount: 0n, failure: "" });
  expect(job?.counts).toMatchObject({
    conversations_purged: 1n,
    messages: 3n,
    revisions: 1n,
    reactions: 1n,
    mentions: 1n,
    participations: 1n,
    files: 1n,
    unsent_messages: 2n,
  });
  expect(await tables()).toEqual([]);
  expect(await samplesWith(server.database, mark)).toEqual([]);
  // The job has not ended before their bytes are gone.
  expect((await readdir(folder, { recursive: true })).filter((name) => name.includes(file.id))).toEqual([]);
  expect(await filesWith(mark)).toEqual([]);

  const { messages } = await key.messages.listMessages({ conversationId, deleted: DeletedFilter.INCLUDE });
  const erased = { sender: { type: ActorType.SYSTEM, id: "erased" }, content: "", deleteTime: expect.anything() };
  expect(messages).toMatchObject([
    { content: "from ann", sender: { id: "ann" } },
    erased,
    erased,
    { content: "to you", mentions: [], reactions: [{ reaction: "👍", count: 1 }] },
    erased,
  ]);
  const { conversation } = await ann.conversations.getConversation({ conversationId });
  expect(conversation).toMatchObject({ title: "Ours", participantCount: 1, messageCount: 2n });
  const { events } = await server.client(EventService, credential).listEvents({ conversationId, pageSize: 200 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => BigInt(index + 1)));
  expect(events.filter(({ change }) => change.case === "messageDeleted")).toHaveLength(3);
  const reacted = events.flatMap(({ actor, change }) =>
    change.case === "reactionAdded" || change.case === "reactionRemoved" ? [[actor?.id, change.value.reaction]] : [],
  );
  const gone = ["erased", ""];
  expect(reacted).toEqual([gone, gone, gone, ["ann", "👍"], gone]);
});

test("what a member wrote into messages and conversations of others is gone, and their words are back", async () => {
  const { mark, bobId, ann, bob, key, conversationId, say, tables, erase, erasure, credential } = await begin();
  const edit = (who: typeof ann, messageId: string, content: string) =>
    who.messages.updateMessage({ messageId, message: { content } });
  // Bob comes to own what ann began, and may edit what she wrote.
  const words = await say(ann, "one");
  const forked = await say(ann, "as it was");
  await key.conversations.updateConversation({ conversationId, conversation: { ownerId: bobId } });
  await edit(bob, words, `two ${mark}`);
  await edit(bob, words, `three ${mark}`);
  await edit(bob, forked, `forked ${mark}`);
  const fork = await ann.conversations.forkConversation({ conversationId, conversation: {} });
  await edit(ann, forked, "again by ann");
  const deleted = await say(ann, "deleted");
  await edit(bob, deleted, `hidden ${mark}`);
  await key.messages.deleteMessage({ messageId: deleted });
  const mode = { mode: "plan" };
  await key.conversations.updateConversation({ conversationId, conversation: { ownerId: "ann" } });
  await bob.conversations.updateConversation({
    conversationId,
    conversation: { title: mark, stateJson: JSON.stringify({ mark }), metadata: { mark }, ...mode },
  });
  // What somebody else set since stays, and so does what somebody else set alone.
  await ann.conversations.updateConversation({ conversationId, conversation: { metadata: { by: "ann" } } });
  const made = await bob.conversations.createConversation({
    conversation: { title: `Made ${mark}` },
    participantIds: ["ann"],
  });
  const given = made.conversation?.id ?? "";
  await key.conversations.updateConversation({ conversationId: given, conversation: { ownerId: "ann" } });
  expect(await erasure.previewErasure({ memberId: bobId })).toMatchObject({
    messageCount: 0n,
    editedMessageCount: 3n,
    changedConversationCount: 2n,
  });

  const { job } = await erase();
  expect(job).toMatchObject({ state: JobState.SUCCEEDED });
  expect(job?.counts).toMatchObject({ edited_messages: 3n, conversations_changed: 2n });
  expect(await tables()).toEqual([]);
  const { messages } = await key.messages.listMessages({ conversationId });
  expect(messages.map(({ content, sender }) => [content, sender?.id])).toEqual([
    ["one", "ann"],
    ["again by ann", "ann"],
  ]);
  const revisions = async (messageId: string) =>
    (await key.messages.listMessageRevisions({ messageId })).revisions.map(({ content, editor }) => [
      content,
      editor?.id,
    ]);
  expect(await revisions(words)).toEqual([
    ["one", "erased"],
    ["one", "erased"],
  ]);
  expect(await revisions(forked)).toEqual([
    ["as it was", "erased"],
    ["as it was", "ann"],
  ]);
  const inFork = await ann.messages.listMessages({ conversationId: fork.conversation?.id ?? "" });
  expect(inFork.messages.map(({ content }) => content)).toEqual(["one", "as it was"]);
  await key.messages.restoreMessage({ messageId: deleted });
  expect((await key.messages.getMessage({ messageId: deleted })).message).toMatchObject({ content: "deleted" });
  const { conversation } = await ann.conversations.getConversation({ conversationId });
  expect(conversation).toMatchObject({ title: "", stateJson: "", metadata: { by: "ann" }, ...mode });
  expect((await ann.conversations.getConversation({ conversationId: given })).conversation?.title).toBe("");
  const { events } = await server.client(EventService, credential).listEvents({ conversationId, pageSize: 200 });
  expect(
    events.flatMap(({ change }) => (change.case === "messageEdited" ? [change.value.message?.content] : [])),
  ).toContain("one");
  expect(
    events
      .flatMap(({ change }) => (change.case === "conversationUpdated" ? [change.value.updateMask?.paths] : []))
      .at(-1),
  ).toEqual(["title", "state_json"]);
});

test("a preview counts the API keys that a member made and nobody has revoked, which go on working", async () => {
  const { tenant, mark, erasure, credential } = await begin();
  const adminId = `admin-${mark}`;
  await server
    .client(DirectoryService, credential)
    .upsertMember({ memberId: adminId, member: { role: MemberRole.ADMIN } });
  const access = server.client(AccessService, await tenant.token(adminId));
  const make = async () => access.createApiKey({ apiKey: { displayName: "Made", scopes: [ApiKeyScope.READ] } });
  const [kept, revoked] = [await make(), await make()];
  await access.revokeApiKey({ apiKeyId: revoked.apiKey?.id ?? "" });
  expect(await erasure.previewErasure({ memberId: adminId })).toMatchObject({ apiKeyCount: 1n });
  await erasure.eraseMember({ memberId: adminId });
  await runJobs(server.database, tenant.id);
  const holder = personOf(server, { authorization: `Bearer ${kept.text}` });
  expect((await holder.conversations.listConversations({})).conversations).toHaveLength(1);
});

test("the receipt can be found by the id of the member, and by another call, and its hash is in the audit log", async () => {
  const { bobId, bob, say, erase, jobs, credential, erasure } = await begin();
  await say(bob, "words");
  const { job } = await erase();
  expect((await erasure.eraseMember({ memberId: bobId })).job).toEqual(job);
  expect(await reasonOf(erasure.eraseMember({ memberId: "nobody" }))).toBe("NOT_FOUND");
  expect((await jobs.listJobs({ memberId: bobId })).jobs).toEqual([job]);
  expect((await jobs.listJobs({ memberId: "ann" })).jobs).toEqual([]);
  expect(job?.receiptSha256).toMatch(/^[0-9a-f]{64}$/);
  const audit = server.client(AuditService, credential);
  const { auditEntries } = await audit.listAuditEntries({ action: "member.erased" });
  expect(auditEntries).toMatchObject([
    { resourceId: "erased", details: { job_id: job?.id, receipt_sha256: job?.receiptSha256 } },
  ]);
  const asked = await audit.listAuditEntries({ action: "member.erase" });
  expect(asked.auditEntries).toMatchObject([{ resourceId: "erased", details: { job_id: job?.id } }]);
});

test("an erased member does not come back: not by its token, by hand, by an API key, by a restore, or by an import", async () => {
  const { tenant, mark, bobId, bob, ann, key, credential, conversationId, say, erase, transfer, tables } =
    await begin();
  const words = await say(bob, `words of ${bobId}`);
  const own = await bob.conversations.createConversation({ conversation: { title: bobId } });
  await say(bob, "alone", own.conversation?.id);
  const reactions = server.client(ReactionService, bob.credential);
  const reaction = { messageId: await say(ann, "nice"), reaction: `:${mark}:` };
  await reactions.addReaction(reaction);
  await reactions.removeReaction(reaction);
  const shared = await exported({ transfer }, conversationId);
  const alone = await exported({ transfer }, own.conversation?.id);
  const edited = await say(ann, "by ann", (await ann.conversations.createConversation({})).conversation?.id);
  const { message } = await ann.messages.getMessage({ messageId: edited });
  const annsId = message?.conversationId ?? "";
  await key.conversations.updateConversation({ conversationId: annsId, conversation: { ownerId: bobId } });
  await bob.messages.updateMessage({ messageId: edited, message: { content: `edited by ${bobId}` } });
  await key.conversations.updateConversation({ conversationId: annsId, conversation: { ownerId: "ann" } });
  const anns = await exported({ transfer }, annsId);
  await erase();
  await key.conversations.purgeConversation({ conversationId: annsId });
  await imported({ transfer }, anns);
  expect((await ann.messages.getMessage({ messageId: edited })).message).toMatchObject({ content: "by ann" });
  await key.conversations.purgeConversation({ conversationId });
  expect(await tables()).toEqual([]);

  const directory = server.client(DirectoryService, credential);
  expect(await failureOf(directory.upsertMember({ memberId: bobId }))).toMatchObject({
    message: "member_id: must be another one: the member with this id was erased",
  });
  const again = personOf(server, await tenant.token(bobId));
  expect(await reasonOf(again.conversations.listConversations({}))).toBe("PERMISSION_DENIED");
  const forBob = personOf(server, { ...credential, "x-act-for": bobId });
  expect(await reasonOf(forBob.conversations.listConversations({}))).toBe("PERMISSION_DENIED");
  expect(await imported({ transfer }, [...alone, ...shared])).toMatchObject({
    conversationCount: 1n,
    errorCount: 0n,
    skippedCount: BigInt(alone.length),
  });
  expect(await tables()).toEqual([]);
  const { messages } = await key.messages.listMessages({ conversationId, deleted: DeletedFilter.INCLUDE });
  const gone = { content: "", sender: { type: ActorType.SYSTEM, id: "erased" } };
  expect(messages).toMatchObject([gone, { content: "nice" }]);
  expect(await reasonOf(ann.messages.restoreMessage({ messageId: words }))).toBe("NOT_FOUND");
  expect(await ann.messages.restoreAllMessages({ conversationId })).toMatchObject({ restoredCount: 0n });
  // What is exported now can be imported elsewhere.
  const other = await server.tenant();
  const elsewhere = server.client(TransferService, (await other.key("read", "write", "admin")).credential);
  const moved = await imported({ transfer: elsewhere }, await exported({ transfer }, conversationId));
  expect(moved).toMatchObject({ conversationCount: 1n, errorCount: 0n });
});

test("a hold on the member or the tenant refuses its erasure, and one on a conversation keeps that until it is lifted", async () => {
  const { tenant, mark, bobId, bob, ann, say, erase, erasure, holds, conversationId, tables, jobs } = await begin();
  await say(bob, `held ${mark}`);
  const free = await ann.conversations.createConversation({ conversation: {}, participantIds: [bobId] });
  await say(bob, `free ${mark}`, free.conversation?.id);
  const place = async (scope: object) =>
    (await holds.createLegalHold({ legalHold: { displayName: "Case", reason: "Letter", scope: scope as never } }))
      .legalHold?.id ?? "";
  for (const scope of [
    { case: "memberId", value: bobId },
    { case: "wholeTenant", value: true },
  ]) {
    const legalHoldId = await place(scope);
    expect(await failureOf(erasure.eraseMember({ memberId: bobId }))).toMatchObject({
      reason: "HELD",
      message: `the member is kept by the legal hold ${legalHoldId}`,
      metadata: { legal_hold_id: legalHoldId },
    });
    await holds.liftLegalHold({ legalHoldId, reason: "Over" });
  }
  const legalHoldId = await place({ case: "conversationId", value: conversationId });
  expect(await erasure.previewErasure({ memberId: bobId })).toMatchObject({ conversationCount: 2n, heldCount: 1n });
  const { job, held } = await erase();
  expect(held).toBe(1);
  expect(job).toMatchObject({ state: JobState.WAITING, heldCount: 1n, nextRunTime: expect.anything() });
  const read = async (id: string | undefined) =>
    (await ann.messages.listMessages({ conversationId: id ?? "", deleted: DeletedFilter.INCLUDE })).messages;
  expect(await read(conversationId)).toMatchObject([{ content: `held ${mark}` }]);
  expect(await read(free.conversation?.id)).toMatchObject([{ content: "" }]);
  // This wakes the job.
  await holds.liftLegalHold({ legalHoldId, reason: "Over" });
  await runJobs(server.database, tenant.id);
  expect(await jobs.getJob({ jobId: job?.id ?? "" })).toMatchObject({
    job: { state: JobState.SUCCEEDED, heldCount: 0n },
  });
  expect(await tables()).toEqual([]);
});

test("a second call finds the job that goes on, and a cancelled one lets the member come back without what is gone", async () => {
  const { tenant, bobId, say, bob, erasure, jobs, credential } = await begin();
  await say(bob, "words");
  // A job that waits for another server.
  const { job } = await erasure.eraseMember({ memberId: bobId });
  expect((await erasure.eraseMember({ memberId: bobId })).job?.id).toBe(job?.id);
  const directory = server.client(DirectoryService, credential);
  expect(await reasonOf(directory.upsertMember({ memberId: bobId }))).toBe("CONFLICT");
  const { job: cancelled } = await jobs.cancelJob({ jobId: job?.id ?? "" });
  expect(cancelled).toMatchObject({ state: JobState.CANCELLED, endTime: expect.anything(), receiptSha256: "" });
  expect((await jobs.cancelJob({ jobId: job?.id ?? "" })).job).toEqual(cancelled);
  await runJobs(server.database, tenant.id);
  expect((await jobs.getJob({ jobId: job?.id ?? "" })).job).toEqual(cancelled);
  expect((await directory.upsertMember({ memberId: bobId })).member?.id).toBe(bobId);
});
