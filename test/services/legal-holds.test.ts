// Legal holds: what one covers is hidden by those who delete it, and erased by nobody until the hold is lifted.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { systemCaller } from "../../src/domain/identity/caller.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { createDiskStore } from "../../src/files/disk.ts";
import { sweepFiles } from "../../src/jobs/files.ts";
import { purgeDue } from "../../src/jobs/purge.ts";
import { sweepUnsent } from "../../src/store/drafts/drafts.ts";
import { beginErasing } from "../../src/store/legal-holds/legal-holds.ts";
import { beginPurge, erasePiece } from "../../src/store/purge/purge.ts";
import { PIXEL, personOf } from "../support/calls/files.ts";
import { conversationLine, imported, messageLine, moment } from "../support/calls/transfer.ts";
import { failureOf, reasonOf } from "../support/errors.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-holds-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/**
 * Ann owns a conversation, in which bob takes part and carl did; each of them wrote one message, and ann sent a file.
 */
async function begin(fields: object = {}) {
  const tenant = await server.tenant();
  for (const id of ["ann", "bob", "carl", "dora"]) await tenant.addMember(id);
  const person = async (id: string) => personOf(server, await tenant.token(id));
  const [ann, bob, carl, dora] = await Promise.all(["ann", "bob", "carl", "dora"].map(person));
  if (!ann || !bob || !carl || !dora) throw new Error("somebody is missing");
  const { credential } = await tenant.key("read", "write", "admin");
  const key = personOf(server, credential);
  const holds = server.client(LegalHoldService, credential);
  const { conversation } = await ann.conversations.createConversation({
    conversation: { labels: { matter: "blue" }, ...fields },
    participantIds: ["bob", "carl"],
  });
  const conversationId = conversation?.id ?? "";
  for (const each of [ann, bob, carl])
    await each.messages.sendMessage({ conversationId, message: { content: "kept" } });
  const file = await ann.upload(PIXEL);
  await ann.send(conversationId, file.id);
  await ann.participants.removeParticipant({ conversationId, memberId: "carl" });
  const place = async (scope: object, more: object = {}) => {
    const made = await holds.createLegalHold({
      legalHold: { displayName: "Matter", reason: "A suit", scope, ...more } as never,
    });
    return made.legalHold?.id ?? "";
  };
  const sweep = async () => {
    await purgeDue(server.database, tenant.id);
    await sweepUnsent(server.database, tenant.id);
    await sweepFiles(server.database, createDiskStore(folder), tenant.id, undefined, 0);
  };
  const lift = (legalHoldId: string) => holds.liftLegalHold({ legalHoldId, reason: "It is over" });
  return { tenant, ann, bob, carl, dora, key, holds, conversationId, fileId: file.id, place, lift, sweep };
}
type Scene = Awaited<ReturnType<typeof begin>>;

const bytesOf = ({ tenant }: Pick<Scene, "tenant">, id: string) =>
  existsSync(join(folder, tenant.id, id.slice(-2), id));

/** The texts that there still are, deleted or not. */
async function texts({ tenant }: Pick<Scene, "tenant">, conversationId: string): Promise<string[]> {
  const text = "select content from message where tenant_id = $1 and conversation_id = $2 order by seq";
  const rows = await server.database.query<{ content: string }>({ name: "test_texts", text }, [
    tenant.id,
    conversationId,
  ]);
  return rows.map(({ content }) => content);
}

/** Deletes a conversation whose purge was due an hour ago. */
async function makeDue({ tenant, ann }: Scene, conversationId: string): Promise<void> {
  await ann.conversations.deleteConversation({ conversationId });
  const text = `update conversation set purge_time = now() - interval '1 hour' where tenant_id = $1 and id = $2`;
  await server.database.query({ name: "test_due", text }, [tenant.id, conversationId]);
}

/** Each kind of hold that covers the conversation of the scene, and how it is placed. */
const HOLDS: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
  "the tenant": ({ place }) => place({ case: "wholeTenant", value: true }),
  "its owner": ({ place }) => place({ case: "memberId", value: "ann" }),
  "a participant": ({ place }) => place({ case: "memberId", value: "bob" }),
  "a member that has left it": ({ place }) => place({ case: "memberId", value: "carl" }),
  "the conversation": ({ place, conversationId }) => place({ case: "conversationId", value: conversationId }),
  "conversations with its label": ({ place }) => place({ case: "match", value: { labels: { matter: "blue" } } }),
  "conversations whose owner is a member": ({ place }) => place({ case: "match", value: { ownerRole: 2, status: 1 } }),
  "a fork of it": async ({ place, ann, conversationId }) => {
    const { conversation } = await ann.conversations.forkConversation({ conversationId });
    return place({ case: "conversationId", value: conversation?.id ?? "" });
  },
};

describe.each(Object.entries(HOLDS))("a hold on %s", (_, hold) => {
  test("keeps it from purges and sweeps, deleted or restored, until it is lifted", async () => {
    const scene = await begin();
    const { ann, bob, key, conversationId, fileId, holds, lift, sweep } = scene;
    const legalHoldId = await hold(scene);
    const whole = await texts(scene, conversationId);
    const covering = await holds.listLegalHolds({ conversationId });
    expect(covering.legalHolds.map(({ id }) => id)).toEqual([legalHoldId]);

    const refused = { code: "FailedPrecondition", reason: "HELD", metadata: { legal_hold_id: legalHoldId } };
    expect(await failureOf(key.conversations.purgeConversation({ conversationId }))).toMatchObject(refused);
    await ann.conversations.deleteConversation({ conversationId });
    expect(await reasonOf(bob.conversations.getConversation({ conversationId }))).toBe("NOT_FOUND");
    expect(await failureOf(key.conversations.purgeConversation({ conversationId }))).toMatchObject(refused);
    expect(await texts(scene, conversationId)).toEqual(whole);
    expect(bytesOf(scene, fileId)).toBe(true);

    await ann.conversations.restoreConversation({ conversationId });
    await makeDue(scene, conversationId);
    await sweep();
    expect(await failureOf(key.conversations.purgeConversation({ conversationId }))).toMatchObject(refused);
    expect(await texts(scene, conversationId)).toEqual(whole);
    expect(bytesOf(scene, fileId)).toBe(true);

    await lift(legalHoldId);
    await sweep();
    expect(await texts(scene, conversationId)).toEqual([]);
    expect(bytesOf(scene, fileId)).toBe(false);
  });
});

describe("a hold", () => {
  test("does not keep what it does not cover", async () => {
    const scene = await begin();
    const { key, conversationId, place, holds } = scene;
    const other = await key.conversations.createConversation({ conversation: { labels: { matter: "red" } } });
    await place({ case: "memberId", value: "dora" });
    await place({ case: "conversationId", value: other.conversation?.id ?? "" });
    await place({ case: "match", value: { labels: { matter: "red" } } });
    await place({ case: "match", value: { labels: { matter: "blue" }, mode: "voice" } });
    await place({ case: "match", value: { ownerRole: 3 } });
    expect((await holds.listLegalHolds({ conversationId })).legalHolds).toEqual([]);
    const { purgedMessageCount } = await key.conversations.purgeConversation({ conversationId });
    expect(purgedMessageCount).toBe(4n);
  });

  test("by a match covers what a conversation is: a label that changes ends it, and one that comes begins it", async () => {
    const { key, conversationId, place, holds } = await begin();
    const relabel = (matter: string) =>
      key.conversations.updateConversation({
        conversationId,
        conversation: { labels: { matter } },
        updateMask: { paths: ["labels"] },
      });
    const covering = async () => (await holds.listLegalHolds({ conversationId })).legalHolds.length;
    await place({ case: "match", value: { labels: { matter: "green" } } });
    const counts = [await covering()];
    await relabel("green");
    counts.push(await covering());
    expect(await reasonOf(key.conversations.purgeConversation({ conversationId }))).toBe("HELD");
    await relabel("gone");
    counts.push(await covering());
    expect(counts).toEqual([0, 1, 0]);
    expect((await key.conversations.purgeConversation({ conversationId })).purgedMessageCount).toBe(4n);
  });

  test("covers what comes after it: new messages, conversations, and what is imported with a purge that is due", async () => {
    const scene = await begin();
    const { tenant, key, bob, place, sweep } = scene;
    await place({ case: "memberId", value: "dora" });
    await place({ case: "match", value: { entityType: "order" } });
    const { conversation } = await key.conversations.createConversation({ participantIds: ["dora"] });
    const conversationId = conversation?.id ?? "";
    expect(await reasonOf(key.conversations.purgeConversation({ conversationId }))).toBe("HELD");
    const id = newId();
    const transfer = server.client(TransferService, key.credential);
    await imported({ transfer }, [
      conversationLine(id, { entityType: "order", entityId: "1", deleteTime: moment(2), purgeTime: moment(3) }),
      messageLine(id, newId(), { content: "imported" }),
    ]);
    await sweep();
    expect(await texts({ tenant }, id)).toEqual(["imported"]);
    expect(await reasonOf(key.conversations.purgeConversation({ conversationId: id }))).toBe("HELD");
    // A second import of the same changes nothing that is held.
    await imported({ transfer }, [conversationLine(id, { entityType: "other", entityId: "1" })]);
    await sweep();
    expect(await texts({ tenant }, id)).toEqual(["imported"]);
    expect(await reasonOf(bob.conversations.purgeConversation({ conversationId }))).toBe("PERMISSION_DENIED");
  });

  test("ends a purge that has begun, where its member wrote or all is covered", async () => {
    const scene = await begin();
    const { tenant, conversationId, place, lift } = scene;
    const caller = systemCaller(tenant.id, "server");
    await server.database.transaction(undefined, (tx) => beginPurge(tx, caller, conversationId));
    const piece = (entries: number) =>
      server.database.transaction(undefined, (tx) => erasePiece(tx, caller, conversationId, entries));
    expect(await piece(1)).toMatchObject({ messages: 1n });
    const left = await texts(scene, conversationId);
    const carls = await place({ case: "memberId", value: "carl" });
    await expect(piece(10)).rejects.toMatchObject({ details: { metadata: { legal_hold_id: carls } } });
    const all = await place({ case: "wholeTenant", value: true });
    await lift(carls);
    await expect(piece(1)).rejects.toMatchObject({ details: { metadata: { legal_hold_id: all } } });
    expect(await texts(scene, conversationId)).toEqual(left);
    // What is left of it does not come back as if it were all.
    expect(await reasonOf(scene.key.conversations.restoreConversation({ conversationId }))).toBe("NOT_FOUND");
    await lift(all);
    expect(await piece(10)).toMatchObject({ messages: 3n });
  });

  test("waits for what is being erased, so that nothing it covers goes after it was placed", async () => {
    const { tenant, place } = await begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const erasing = server.database.transaction(undefined, async (tx) => {
      await beginErasing(tx, tenant.id);
      begun.resolve();
      await promise;
    });
    await begun.promise;
    const placing = place({ case: "wholeTenant", value: true });
    const text = `select count(*)::integer as count from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`;
    const waiting = async () =>
      (await server.database.query<{ count: number }>({ name: "test_waits", text }, []))[0]?.count;
    await expect.poll(waiting, { timeout: 20_000 }).toBe(1).finally(resolve);
    await Promise.all([erasing, placing]);
  });

  test("keeps files that were deleted: hidden from members, found by administrators with show_held, gone when it is lifted", async () => {
    const scene = await begin();
    const { ann, bob, key, fileId, place, lift, sweep } = scene;
    const unsent = await ann.upload(PIXEL);
    const legalHoldId = await place({ case: "memberId", value: "ann" });
    await ann.files.deleteFile({ fileId });
    await sweep();
    for (const one of [ann, bob, key]) expect(await one.sees(fileId)).toBe(false);
    for (const id of [fileId, unsent.id]) {
      expect(bytesOf(scene, id)).toBe(true);
      expect((await key.files.getFile({ fileId: id, showHeld: true })).file?.id).toBe(id);
      const pieces = await Array.fromAsync(key.files.downloadFile({ fileId: id, showHeld: true }));
      expect(Buffer.concat(pieces.map(({ body }) => body?.data ?? new Uint8Array())).equals(PIXEL)).toBe(true);
      expect(await reasonOf(ann.files.getFile({ fileId: id, showHeld: true }))).toBe("NOT_FOUND");
    }
    const foreign = await begin();
    expect(await reasonOf(foreign.key.files.getFile({ fileId, showHeld: true }))).toBe("NOT_FOUND");
    await lift(legalHoldId);
    expect(await reasonOf(key.files.getFile({ fileId, showHeld: true }))).toBe("NOT_FOUND");
    await sweep();
    expect([bytesOf(scene, fileId), bytesOf(scene, unsent.id)]).toEqual([false, false]);
  });

  test("keeps the record of a turn that is deleted, which without one is erased", async () => {
    const { tenant, key, place } = await begin();
    const agent = { name: "helper", connector: { case: "echo", value: {} } } as const;
    await server.client(AgentService, key.credential).createAgent({ agent });
    const turns = server.client(TurnService, key.credential);
    const notes = async () => {
      const messages = [{ content: "hello", role: MessageRole.USER }];
      const { turn } = await turns.createTurn({ agent: "helper", messages, noteJson: '{"a":1}' });
      const turnId = turn?.id ?? "";
      await Array.fromAsync(turns.resumeTurn({ turnId }));
      await turns.deleteTurn({ turnId });
      expect(await reasonOf(turns.getTurn({ turnId }))).toBe("NOT_FOUND");
      const text = "select note from turn where tenant_id = $1 and id = $2";
      return server.database.query<{ note: string | null }>({ name: "test_note", text }, [tenant.id, turnId]);
    };
    expect(await notes()).toEqual([{ note: null }]);
    await place({ case: "wholeTenant", value: true });
    expect(await notes()).toEqual([{ note: '{"a":1}' }]);
  });

  test("keeps what a member has not sent when the member is deleted", async () => {
    const scene = await begin();
    const { tenant, ann, bob, key, conversationId, place, lift, sweep } = scene;
    for (const { credential } of [ann, bob]) {
      const drafts = server.client(DraftService, credential);
      await drafts.setDraft({ conversationId, message: { content: "draft" } });
      const sendTime = timestampFromMs(Date.now() + 3_600_000);
      await drafts.scheduleMessage({ conversationId, scheduledMessage: { message: { content: "later" }, sendTime } });
    }
    const text = `select actor from draft where tenant_id = $1
      union all select actor from scheduled_message where tenant_id = $1 order by actor`;
    const left = async () =>
      (await server.database.query<{ actor: string }>({ name: "test_unsent", text }, [tenant.id])).map(
        ({ actor }) => actor,
      );
    const other = await begin();
    await other.place({ case: "wholeTenant", value: true });
    const directory = server.client(DirectoryService, key.credential);
    const legalHoldId = await place({ case: "memberId", value: "dora" });
    await directory.deleteMember({ memberId: "ann" });
    expect(await left()).toEqual(["bob", "bob"]);
    const bobs = await place({ case: "memberId", value: "bob" });
    await directory.deleteMember({ memberId: "bob" });
    await sweep();
    expect(await left()).toEqual(["bob", "bob"]);
    await lift(legalHoldId);
    await lift(bobs);
    await sweep();
    expect(await left()).toEqual([]);
  });

  test("is listed newest first, and stays to be read when it is lifted, once", async () => {
    const { tenant, holds, key, place, lift } = await begin();
    const [one, two] = [
      await place({ case: "memberId", value: "ann" }),
      await place({ case: "wholeTenant", value: true }),
    ];
    const ids = async (request: object) => (await holds.listLegalHolds(request)).legalHolds.map(({ id }) => id);
    expect(await ids({})).toEqual([two, one]);
    expect(await ids({ memberId: "ann" })).toEqual([one]);
    const page = await holds.listLegalHolds({ pageSize: 1 });
    expect(await ids({ pageSize: 1, pageToken: page.nextPageToken })).toEqual([one]);
    const { legalHold } = await lift(two);
    expect(legalHold).toMatchObject({ id: two, liftReason: "It is over", scope: { case: "wholeTenant", value: true } });
    expect(legalHold?.liftTime).toBeDefined();
    expect((await holds.liftLegalHold({ legalHoldId: two, reason: "again" })).legalHold).toEqual(legalHold);
    expect([await ids({}), await ids({ showLifted: true })]).toEqual([[one], [two, one]]);
    expect((await holds.getLegalHold({ legalHoldId: two })).legalHold).toEqual(legalHold);
    const { auditEntries } = await server.client(AuditService, key.credential).listAuditEntries({ resourceId: two });
    expect(auditEntries.map(({ action, details, actor }) => [action, details, actor?.type])).toEqual([
      ["legal_hold.lift", { name: "Matter" }, ActorType.API_KEY],
      ["legal_hold.create", { name: "Matter", scope: "wholeTenant", two_person: "false" }, ActorType.API_KEY],
    ]);
    expect(tenant.id).not.toBe("");
  });

  test("of two persons is placed and lifted by two members with tokens of their own", async () => {
    const { tenant, place, lift } = await begin();
    for (const id of ["eve", "frank"]) await tenant.addMember(id, { role: "admin" });
    const [eve, frank] = await Promise.all(
      ["eve", "frank"].map(async (id) => server.client(LegalHoldService, await tenant.token(id))),
    );
    if (!eve || !frank) throw new Error("somebody is missing");
    expect(await failureOf(place({ case: "wholeTenant", value: true }, { twoPerson: true }))).toMatchObject({
      reason: "PERMISSION_DENIED",
      message: "a hold that two persons lift is for members that call with a token of their own",
    });
    const { legalHold } = await eve.createLegalHold({
      legalHold: {
        displayName: "Matter",
        reason: "A suit",
        twoPerson: true,
        scope: { case: "wholeTenant", value: true },
      },
    });
    const legalHoldId = legalHold?.id ?? "";
    expect(await reasonOf(lift(legalHoldId))).toBe("PERMISSION_DENIED");
    expect(await failureOf(eve.liftLegalHold({ legalHoldId, reason: "mine" }))).toMatchObject({
      reason: "PERMISSION_DENIED",
      message: "another member must lift this hold than placed it",
    });
    const { credential } = await tenant.key("admin");
    const acting = server.client(LegalHoldService, { ...credential, "x-act-for": "frank" });
    expect(await reasonOf(acting.liftLegalHold({ legalHoldId, reason: "for frank" }))).toBe("PERMISSION_DENIED");
    expect((await frank.liftLegalHold({ legalHoldId, reason: "theirs" })).legalHold?.lifter).toMatchObject({
      id: "frank",
    });
  });

  test("names what is wrong with it", async () => {
    const { holds, place } = await begin();
    const unknown = { reason: "UNKNOWN_REFERENCE" };
    const scopes: [object, object][] = [
      [
        { case: "memberId", value: "nobody" },
        { ...unknown, fields: ["legal_hold.member_id"] },
      ],
      [
        { case: "conversationId", value: newId() },
        { ...unknown, fields: ["legal_hold.conversation_id"] },
      ],
      [{ case: "match", value: {} }, { message: "legal_hold.match: must have at least one field" }],
      [{ case: undefined }, { reason: "INVALID_FIELD" }],
    ];
    for (const [scope, expected] of scopes) expect(await failureOf(place(scope))).toMatchObject(expected);
    for (const legalHold of [
      { displayName: "", reason: "x" },
      { displayName: "x", reason: "" },
    ]) {
      const scope = { case: "wholeTenant", value: true } as const;
      expect(await reasonOf(holds.createLegalHold({ legalHold: { ...legalHold, scope } }))).toBe("INVALID_FIELD");
    }
    expect(await reasonOf(holds.listLegalHolds({ conversationId: newId(), showLifted: true }))).toBe("INVALID_FIELD");
    for (const legalHoldId of ["x", newId()]) {
      expect(await reasonOf(holds.listLegalHolds({ conversationId: legalHoldId }))).toBe("NOT_FOUND");
      expect(await reasonOf(holds.getLegalHold({ legalHoldId }))).toBe("NOT_FOUND");
      expect(await reasonOf(holds.liftLegalHold({ legalHoldId, reason: "x" }))).toBe("NOT_FOUND");
    }
  });
});
