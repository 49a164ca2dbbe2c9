// What goes, goes for good: purged messages take their files along, and what no message names is swept.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { createDiskStore } from "../../../src/files/disk.ts";
import { sweepFiles, sweepLostBytes } from "../../../src/jobs/files.ts";
import { type Person, PIXEL, personOf } from "../../support/calls/files.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let folder: string;
let ann: Person;
let key: Person;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-files-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
  tenant = await server.tenant();
  await tenant.addMember("ann");
  ann = personOf(server, await tenant.token("ann"));
  key = personOf(server, (await tenant.key("read", "write", "admin")).credential);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const pathOf = (id: string) => join(folder, tenant.id, id.slice(-2), id);
const stored = (...ids: string[]) => ids.map((id) => existsSync(pathOf(id)));
const usage = async () => {
  const text = "select bytes, files from file_usage where tenant_id = $1";
  const [row] = await server.database.query<{ bytes: bigint; files: bigint }>({ name: "test_usage", text }, [
    tenant.id,
  ]);
  return row && { bytes: Number(row.bytes), files: Number(row.files) };
};
const sweep = (unnamedMs?: number) =>
  sweepFiles(server.database, createDiskStore(folder), tenant.id, undefined, unnamedMs);

const begin = async () => {
  const { conversation } = await ann.conversations.createConversation({});
  return conversation?.id ?? "";
};

test("a purged conversation takes its files along, but for those that others name", async () => {
  const [one, two] = [await begin(), await begin()];
  const [only, shared, before] = [await ann.upload(PIXEL), await ann.upload(PIXEL), await ann.upload(PIXEL)];
  const edited = await ann.send(one, only.id, shared.id, before.id);
  await ann.messages.updateMessage({
    messageId: edited,
    message: { content: "none" },
    updateMask: { paths: ["parts", "content"] },
  });
  await ann.send(two, shared.id);
  const { bytes = 0, files = 0 } = (await usage()) ?? {};
  await key.conversations.purgeConversation({ conversationId: one });
  expect(stored(only.id, shared.id, before.id)).toEqual([false, true, false]);
  expect([await ann.sees(only.id), await ann.sees(shared.id)]).toEqual([false, true]);
  expect(await usage()).toEqual({ bytes: bytes - 2 * PIXEL.length, files: files - 2 });
  await key.conversations.purgeConversation({ conversationId: two });
  expect(stored(shared.id)).toEqual([false]);
});

test("a log that is purged in pieces takes its files along", async () => {
  const conversationId = await begin();
  const file = await ann.upload(PIXEL);
  await ann.send(conversationId, file.id);
  const messages = Array.from({ length: 1_000 }, (_, n) => ({ content: String(n) }));
  for (let round = 0; round < 3; round++) await ann.messages.batchSendMessages({ conversationId, messages });
  await key.conversations.purgeConversation({ conversationId });
  expect(stored(file.id)).toEqual([false]);
});

test("a file is swept if no message named it in time, and kept if one did or it is younger", async () => {
  const conversationId = await begin();
  const [lonely, named] = [await ann.upload(PIXEL), await ann.upload(PIXEL)];
  const messageId = await ann.send(conversationId, named.id);
  await ann.messages.deleteMessage({ messageId });
  await sweep();
  expect(stored(lonely.id, named.id)).toEqual([true, true]);
  await sweep(0);
  expect(stored(lonely.id, named.id)).toEqual([false, true]);
  expect(await ann.sees(lonely.id)).toBe(false);
  await expect(ann.send(conversationId, lonely.id)).rejects.toThrow("is not a file");
  await ann.messages.restoreMessage({ messageId });
  expect(await ann.sees(named.id)).toBe(true);
});

test("a draft or a scheduled message of its uploader keeps a file until it is gone", async () => {
  const conversationId = await begin();
  const drafts = server.client(DraftService, ann.credential);
  const [drafted, scheduled, foreign] = [await ann.upload(PIXEL), await ann.upload(PIXEL), await key.upload(PIXEL)];
  const naming = (fileId: string) => ({
    parts: [{ content: { case: "file" as const, value: { source: { case: "fileId" as const, value: fileId } } } }],
  });
  // Another's draft keeps nothing.
  await drafts.setDraft({ conversationId, message: naming(foreign.id) });
  await sweep(0);
  expect(stored(drafted.id, scheduled.id, foreign.id)).toEqual([false, false, false]);
  const again = [await ann.upload(PIXEL), await ann.upload(PIXEL)] as const;
  await drafts.setDraft({ conversationId, message: naming(again[0].id.toUpperCase()) });
  const sendTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
  const schedule = (fileId: string) =>
    drafts.scheduleMessage({ conversationId, scheduledMessage: { message: naming(fileId), sendTime } });
  const { scheduledMessage } = await schedule(again[1].id);
  await sweep(0);
  expect(stored(again[0].id, again[1].id)).toEqual([true, true]);
  await expect(schedule(scheduled.id)).rejects.toThrow(
    "scheduled_message.message.parts[0].file.file_id: is not a file",
  );
  await drafts.deleteDraft({ conversationId });
  await drafts.cancelScheduledMessage({ scheduledMessageId: scheduledMessage?.id ?? "" });
  await sweep(0);
  expect(stored(again[0].id, again[1].id)).toEqual([false, false]);
});

test("a retry of an upload whose file was deleted is told so, and brings nothing back", async () => {
  const retry = () =>
    ann.rest("/v1/files?name=a", { method: "POST", body: "same", headers: { "idempotency-key": "k" } });
  const { id } = (await (await retry()).json()) as { id: string };
  expect(await (await retry()).json()).toMatchObject({ id, name: "a" });
  await ann.files.deleteFile({ fileId: id });
  const again = await retry();
  expect([again.status, await again.json()]).toMatchObject([404, { message: "file not found" }]);
  expect((await ann.files.listFiles({})).files.filter((file) => file.id === id)).toEqual([]);
  const text = "select answer from idempotency where tenant_id = $1 and key = 'k'";
  const [row] = await server.database.query<{ answer: Buffer }>({ name: "test_answer", text }, [tenant.id]);
  // Of what was erased no more is kept than its id.
  expect(row?.answer.length).toBe(40);
});

test("a deleted file is gone at once, also where messages name it, and leaves an entry in the audit log", async () => {
  const conversationId = await begin();
  const file = await ann.upload(PIXEL);
  const messageId = await ann.send(conversationId, file.id);
  const updateTime = async () => (await ann.conversations.getConversation({ conversationId })).conversation?.updateTime;
  const before = await updateTime();
  await ann.files.deleteFile({ fileId: file.id });
  expect(await updateTime()).toEqual(before);
  expect(stored(file.id)).toEqual([false]);
  expect(await ann.sees(file.id)).toBe(false);
  expect((await ann.messages.getMessage({ messageId })).message?.parts).toHaveLength(1);
  expect((await ann.files.listMessageFiles({ messageId })).files).toEqual([]);
  await expect(ann.files.deleteFile({ fileId: file.id })).rejects.toThrow("[not_found] file not found");
  const { events } = await server.client(EventService, ann.credential).listEvents({ conversationId });
  expect(events.slice(-1)).toMatchObject([
    { seq: 3n, actor: { id: "ann" }, change: { case: "fileDeleted", value: { fileId: file.id } } },
  ]);
  const text = "select action, actor, details from audit where tenant_id = $1 and resource_id = $2";
  expect(await server.database.query({ name: "test_audit", text }, [tenant.id, file.id])).toEqual([
    { action: "file.delete", actor: "member:ann", details: { size: PIXEL.length, media_type: "image/png" } },
  ]);
});

test("bytes without a file are swept once they are old, whole or not, and those of files stay", async () => {
  const file = await ann.upload(PIXEL);
  const store = createDiskStore(folder);
  const [lost, young] = [newId(), newId()];
  const dead = await store.create({ tenantId: tenant.id, id: newId() });
  await dead.write(PIXEL);
  for (const id of [lost, young]) {
    await mkdir(dirname(pathOf(id)), { recursive: true });
    await writeFile(pathOf(id), "x");
  }
  const longAgo = new Date(Date.now() - 48 * 3_600_000);
  const unfinished = join(folder, "unfinished", (await readdir(join(folder, "unfinished")))[0] ?? "");
  for (const path of [pathOf(lost), pathOf(file.id), unfinished]) await utimes(path, longAgo, longAgo);
  expect(await sweepLostBytes(server.database, store)).toBe(2);
  expect(stored(lost, young, file.id)).toEqual([false, true, true]);
  expect(existsSync(unfinished)).toBe(false);
  await dead.abort();
});
