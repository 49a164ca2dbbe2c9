// A file with a time to live is kept until that ends, named or not, and is nobody's from then on.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { LegalHoldService } from "../../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { createDiskStore } from "../../../src/files/disk.ts";
import { sweepFiles } from "../../../src/jobs/files.ts";
import { type Person, PIXEL, personOf } from "../../support/calls/files.ts";
import { failureOf } from "../../support/failure.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let tenant: IdentityTenant;
let folder: string;
let ann: Person;
let bob: Person;
let key: Person;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-files-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
  tenant = await server.tenant();
  for (const id of ["ann", "bob"]) await tenant.addMember(id);
  ann = personOf(server, await tenant.token("ann"));
  bob = personOf(server, await tenant.token("bob"));
  key = personOf(server, (await tenant.key("read", "write", "admin")).credential);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const DAY_S = 86_400;
const ttlOf = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });

async function* stream(ttl: { seconds: bigint; nanos: number }, requestId = "") {
  yield { body: { data: new Uint8Array(PIXEL) }, requestId, ttl };
}

async function upload(seconds = DAY_S): Promise<string> {
  const { file } = await ann.files.createFile(stream(ttlOf(seconds)));
  return file?.id ?? "";
}

const isStored = (id: string) => existsSync(join(folder, tenant.id, id.slice(-2), id));
const sweep = (unnamedMs?: number) =>
  sweepFiles(server.database, createDiskStore(folder), tenant.id, undefined, unnamedMs);

/** Its time has come. */
const expire = (id: string) =>
  server.database.query(
    {
      name: "test_expire",
      text: "update file set expire_time = now() - interval '1 second' where tenant_id = $2 and id = $1::uuid",
    },
    [id, tenant.id],
  );

interface Told {
  readonly createTime: string;
  readonly expireTime: string;
}

const told = ({ createTime, expireTime }: Told) => Date.parse(expireTime) - Date.parse(createTime);

test("says when it expires, whatever the wire or form it came by", async () => {
  for (const wire of WIRES) {
    const { file } = await server.client(FileService, ann.credential, wire).createFile(stream(ttlOf(60)));
    expect([file?.createTime, file?.expireTime].map((time) => time && timestampMs(time)).reduce(minus)).toBe(60_000);
  }
  const raw = await ann.rest("/v1/files?ttl=90.5s", { method: "POST", body: PIXEL });
  expect(told((await raw.json()) as Told)).toBe(90_500);
  const form = new FormData();
  form.set("file", new File([PIXEL], "a.png"));
  form.set("ttl", `${DAY_S}s`);
  expect(told((await (await ann.rest("/v1/files", { method: "POST", body: form })).json()) as Told)).toBe(1000 * DAY_S);
  const headers = { "tus-resumable": "1.0.0" };
  const metadata = `filename YQ==,ttl ${Buffer.from("120s").toString("base64")}`;
  const begun = await ann.rest("/v1/uploads", {
    method: "POST",
    headers: { ...headers, "upload-length": "1", "upload-metadata": metadata },
  });
  const patched = await ann.rest(begun.headers.get("location") ?? "", {
    method: "PATCH",
    headers: { ...headers, "upload-offset": "0", "content-type": "application/offset+octet-stream" },
    body: "a",
  });
  expect(patched.status).toBe(204);
  const [newest] = ((await (await ann.rest("/v1/files?pageSize=1")).json()) as { files: Told[] }).files;
  expect(newest && told(newest)).toBe(120_000);
});

const minus = (sum: number | undefined, next: number | undefined) => (next ?? 0) - (sum ?? 0);

test.each(["59s", "31622401s", "-60s", "1d", "60", "1e3s", "NaNs"])("a time to live of %s is refused", async (ttl) => {
  const form = new FormData();
  form.set("file", new File([PIXEL], "a.png"));
  form.set("ttl", ttl);
  for (const [query, body] of [
    [`?ttl=${ttl}`, PIXEL],
    ["", form],
  ] as const) {
    const response = await ann.rest(`/v1/files${query}`, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('"ttl"')]);
  }
  const before = (await ann.files.listFiles({})).files.length;
  const uploads = { "tus-resumable": "1.0.0", "upload-length": "0" };
  const metadata = { "upload-metadata": `ttl ${Buffer.from(ttl).toString("base64")}` };
  expect((await ann.rest("/v1/uploads", { method: "POST", headers: { ...uploads, ...metadata } })).status).toBe(400);
  expect((await ann.files.listFiles({})).files).toHaveLength(before);
});

test("one that is empty, given twice or not the same in query and form is refused", async () => {
  const form = (...ttls: string[]) => {
    const body = new FormData();
    body.set("file", new File([PIXEL], "a.png"));
    for (const ttl of ttls) body.append("ttl", ttl);
    return body;
  };
  const before = (await ann.files.listFiles({})).files.length;
  for (const [query, body] of [
    ["", form("")],
    ["", form("61s", "90s")],
    ["?ttl=90s", form("61s")],
    ["?ttl=90s", form("zz")],
    ["?ttl=", PIXEL],
  ] as const) {
    const response = await ann.rest(`/v1/files${query}`, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('"ttl"')]);
  }
  for (const metadata of ["ttl", "ttl ", "filename YQ==,ttl"]) {
    const headers = { "tus-resumable": "1.0.0", "upload-length": "0", "upload-metadata": metadata };
    expect((await ann.rest("/v1/uploads", { method: "POST", headers })).status).toBe(400);
  }
  expect((await ann.files.listFiles({})).files).toHaveLength(before);
  const same = await ann.rest("/v1/files?ttl=61s", { method: "POST", body: form("61s") });
  expect(told((await same.json()) as Told)).toBe(61_000);
});

test("is kept that long though no message names it", async () => {
  const id = await upload();
  await sweep(0);
  expect([await ann.sees(id), isStored(id)]).toEqual([true, true]);
});

test("is gone for everybody once its time has come, and its bytes with the next sweep", async () => {
  const { conversation } = await ann.conversations.createConversation({ participantIds: ["bob"] });
  const conversationId = conversation?.id ?? "";
  const [id, other] = [await upload(), await upload()];
  const messageId = await ann.send(conversationId, id, other);
  expect([await ann.sees(id), await bob.sees(id)]).toEqual([true, true]);
  await expire(id);
  expect([await ann.sees(id), await bob.sees(id), await bob.sees(other)]).toEqual([false, false, true]);
  const listed = async (request: object) => (await ann.files.listFiles(request)).files.map((file) => file.id);
  expect([await listed({ conversationId }), (await listed({})).includes(id)]).toEqual([[other], false]);
  await expect(ann.send(conversationId, id)).rejects.toThrow("is not a file");
  expect(isStored(id)).toBe(true);
  await sweep();
  expect([isStored(id), isStored(other)]).toEqual([false, true]);
  const { message } = await bob.messages.getMessage({ messageId });
  expect(message?.parts).toHaveLength(2);
});

test("that a legal hold covers keeps its bytes until the hold is lifted", async () => {
  const { conversation } = await ann.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const id = await upload();
  await ann.send(conversationId, id);
  const holds = server.client(LegalHoldService, key.credential);
  const { legalHold } = await holds.createLegalHold({
    legalHold: { displayName: "Case", reason: "Letter", scope: { case: "conversationId", value: conversationId } },
  });
  await expire(id);
  await sweep();
  expect([await ann.sees(id), isStored(id)]).toEqual([false, true]);
  expect((await key.files.getFile({ fileId: id, showHeld: true })).file?.id).toBe(id);
  await holds.liftLegalHold({ legalHoldId: legalHold?.id ?? "", reason: "over" });
  await sweep();
  expect(isStored(id)).toBe(false);
});

test("a retry with another time to live is another request", async () => {
  const first = await ann.files.createFile(stream(ttlOf(60), "same"));
  expect((await ann.files.createFile(stream(ttlOf(60), "same"))).file?.id).toBe(first.file?.id);
  expect(await failureOf(ann.files.createFile(stream(ttlOf(61), "same")))).toMatchObject({
    reason: "REQUEST_ID_REUSED",
  });
});

test("F-SCHEDULED-TTL: a message that would be sent after its file expires is refused when it is scheduled", async () => {
  const { conversation } = await ann.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const id = await upload(DAY_S);
  const at = (seconds: number) => {
    const parts = [{ content: { case: "file", value: { source: { case: "fileId", value: id } } } }] as const;
    const wish = { message: { parts: [...parts] }, sendTime: timestampFromMs(Date.now() + seconds * 1000) };
    const { credential } = ann;
    return server.client(DraftService, credential).scheduleMessage({ conversationId, scheduledMessage: wish });
  };
  await expect(at(DAY_S + 60)).rejects.toMatchObject({
    rawMessage: expect.stringMatching(
      /^scheduled_message\.message\.parts\[0\]\.file\.file_id: expires at \S+Z, before the message is sent$/,
    ),
  });
  expect((await at(DAY_S - 60)).scheduledMessage?.conversationId).toBe(conversationId);
});
