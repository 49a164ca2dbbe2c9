// F-GOVERNANCE: Public reports about holds, retention and purging in other products, tried here.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { sweepFiles } from "../../src/jobs/files.ts";
import { type Person, PIXEL, personOf } from "../support/calls/files.ts";
import { reasonOf } from "../support/errors.ts";
import { type IdentityServer, type IdentityTenant, startIdentityServer } from "../support/servers/identity-server.ts";
import { runPolicies } from "../support/servers/retention.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let folder: string;
let key: Person;
/** The text of each statement since it was emptied last. */
const statements: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-governance-"));
  const environment = { COLLOQUY_FILES: `disk:${folder}` };
  server = await startIdentityServer({ environment, onStatement: (text) => void statements.push(text) });
  tenant = await server.tenant();
  key = personOf(server, (await tenant.key("read", "write", "admin")).credential);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const bytesOf = (id: string) => existsSync(join(folder, tenant.id, id.slice(-2), id));

async function conversation(mode: string): Promise<string> {
  return (await key.conversations.createConversation({ conversation: { mode } })).conversation?.id ?? "";
}

async function makeOld(...ids: string[]): Promise<void> {
  const text = `update conversation set create_time = now() - interval '31 days', last_message_time = now() - interval '31 days'
    where tenant_id = $1 and id = any($2::uuid[])`;
  await server.database.query({ name: "test_old", text }, [tenant.id, ids]);
}

/**
 * Makes a policy that purges what is older than 30 days, runs it and deletes it; then what nobody needs any more is
 * swept.
 */
async function purge(mode: string): Promise<number> {
  const retentionPolicy = {
    displayName: mode,
    match: { mode },
    action: RetentionAction.PURGE,
    ageDays: 30,
    nextRunTime: timestampFromMs(Date.now() - 1_000),
  };
  const retention = server.client(RetentionService, key.credential);
  const { retentionPolicy: made } = await retention.createRetentionPolicy({ retentionPolicy });
  const run = await runPolicies(retention, server.database, tenant.id);
  await retention.deleteRetentionPolicy({ retentionPolicyId: made?.id ?? "" });
  await sweepFiles(server.database, createDiskStore(folder), tenant.id);
  return Number(run?.purgedCount);
}

// RocketChat/Rocket.Chat#25548, #13249 and #11299: messages went, their files stayed on the disk.
// matrix-org/synapse#10176: files that were forwarded elsewhere went with the first room.
test("a policy takes files along, from the disk, but for those that other conversations name", async () => {
  const [old, young] = [await conversation("files"), await conversation("files")];
  const [only, shared] = [await key.upload(PIXEL), await key.upload(PIXEL)];
  await key.send(old, only.id, shared.id);
  await key.send(young, shared.id);
  await makeOld(old);
  expect(await purge("files")).toBe(1);
  expect([bytesOf(only.id), bytesOf(shared.id)]).toEqual([false, true]);
  expect(await key.sees(shared.id)).toBe(true);
});

// MicrosoftDocs/OfficeDocs-SkypeForBusiness#6644: an edit made a message as young as the edit.
// element-hq/synapse#17925: the last message of a room was never purged.
test("an edit does not make a conversation younger, and its last message goes too", async () => {
  const conversationId = await conversation("edited");
  const { message } = await key.messages.sendMessage({ conversationId, message: { content: "first" } });
  await makeOld(conversationId);
  await key.messages.updateMessage({ messageId: message?.id ?? "", message: { content: "second" } });
  expect(await purge("edited")).toBe(1);
  expect(await reasonOf(key.messages.getMessage({ messageId: message?.id ?? "" }))).toBe("NOT_FOUND");
});

// MicrosoftDocs/OfficeDocs-SkypeForBusiness#9296: only the latest text of an edited message was kept.
// MicrosoftDocs/microsoft-365-docs#5960: whether a hold or the expiry wins. #6045: what happens after the hold.
test("a hold keeps every text of an edited and deleted message from a policy; once it is lifted the policy goes on", async () => {
  const conversationId = await conversation("held");
  const { message } = await key.messages.sendMessage({ conversationId, message: { content: "first" } });
  const messageId = message?.id ?? "";
  const holds = server.client(LegalHoldService, key.credential);
  const scope = { case: "conversationId", value: conversationId } as const;
  const { legalHold } = await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope } });
  await key.messages.updateMessage({ messageId, message: { content: "second" } });
  await key.messages.deleteMessage({ messageId });
  await makeOld(conversationId);
  expect(await purge("held")).toBe(0);
  const { message: kept } = await key.messages.getMessage({ messageId, deleted: DeletedFilter.ONLY });
  await key.messages.restoreMessage({ messageId });
  const { revisions } = await key.messages.listMessageRevisions({ messageId });
  expect([...revisions.map(({ content }) => content), kept?.content]).toEqual(["first", "second"]);
  await holds.liftLegalHold({ legalHoldId: legalHold?.id ?? "", reason: "over" });
  expect(await purge("held")).toBe(1);
});

// openlinker-project/openlinker#2919: once its record was pruned, a repeated request acted again.
test("a repeat of a request whose conversation a policy has purged makes nothing anew", async () => {
  const requestId = "one-and-the-same";
  const request = { conversation: { mode: "repeated" }, requestId };
  const { conversation: made } = await key.conversations.createConversation(request);
  await makeOld(made?.id ?? "");
  expect(await purge("repeated")).toBe(1);
  expect(await reasonOf(key.conversations.createConversation(request))).toBe("NOT_FOUND");
});

// Mnexa-AI/e2a#397, meawoppl/agent-portal#654, elasticclaw/elasticclaw#685: one statement deleted all, and writers
// waited.
test("a long conversation is purged by transactions of 500 messages", async () => {
  const conversationId = await conversation("long");
  const messages = Array.from({ length: 1_000 }, (_, n) => ({ content: String(n) }));
  await key.messages.batchSendMessages({ conversationId, messages });
  await makeOld(conversationId);
  statements.length = 0;
  expect(await purge("long")).toBe(1);
  const pieces = statements.filter((text) => /delete from message m\s+where/.test(text) && text.includes("limit $3"));
  // The last one finds nothing left.
  expect(pieces.length).toBe(3);
});

// matrix-org/synapse#6773: the job that was for long times did not see what was older than a short one.
test("what a policy with a longer time keeps is not purged by a later one with a shorter time, and is once that is gone", async () => {
  const conversationId = await conversation("two");
  await makeOld(conversationId);
  const retention = server.client(RetentionService, key.credential);
  const retentionPolicy = {
    displayName: "Longer",
    match: { mode: "two" },
    action: RetentionAction.PURGE,
    ageDays: 365,
    priority: -1,
  };
  const { retentionPolicy: longer } = await retention.createRetentionPolicy({ retentionPolicy });
  expect(await purge("two")).toBe(0);
  await retention.deleteRetentionPolicy({ retentionPolicyId: longer?.id ?? "" });
  expect(await purge("two")).toBe(1);
});
