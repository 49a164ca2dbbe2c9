// Erasures that are interrupted, raced and held: nothing held is lost, and nothing erased is readable.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { systemCaller } from "../../src/domain/identity/caller.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { workOn } from "../../src/jobs/erasure.ts";
import { purgeDue } from "../../src/jobs/purge.ts";
import type { Database } from "../../src/store/database.ts";
import { deleteMember } from "../../src/store/directory/members.ts";
import { buryMember, countConversations } from "../../src/store/erasure/rest.ts";
import { insertJob, type JobRow, readJob, takeJob } from "../../src/store/jobs/jobs.ts";
import { applyDiff } from "../../src/store/messages/messages.ts";
import { personOf } from "../support/calls/files.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { reasonOf } from "../support/errors.ts";
import { retryHeld, runJobs, tablesWith } from "../support/postgres/erasure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { runPolicies } from "../support/servers/retention.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

async function begin() {
  const tenant = await server.tenant();
  const bobId = `bob-${newId()}`;
  for (const id of ["ann", bobId]) await tenant.addMember(id);
  const [ann, bob] = [personOf(server, await tenant.token("ann")), personOf(server, await tenant.token(bobId))];
  const { credential } = await tenant.key("read", "write", "admin");
  const made = await ann.conversations.createConversation({ participantIds: [bobId] });
  const conversationId = made.conversation?.id ?? "";
  return { tenantId: tenant.id, bobId, ann, bob, credential, key: personOf(server, credential), conversationId };
}

/** A job that this test has, and no server: as EraseMember makes it. */
function takenJob(tenantId: string, memberId: string): Promise<JobRow> {
  return server.database.transaction(undefined, async (tx) => {
    await buryMember(tx, tenantId, memberId);
    await deleteMember(tx, tenantId, memberId);
    await insertJob(tx, tenantId, memberId, await countConversations(tx, tenantId), "system:test");
    const job = await takeJob(tx, tenantId);
    if (job === undefined) throw new Error("the job was not taken");
    return job;
  });
}

/** The database, through which a signal is aborted before the transaction with this number. */
function interruptedAt(number: number): { readonly database: Database; readonly signal: AbortSignal } {
  const controller = new AbortController();
  let begun = 0;
  const database = new Proxy(server.database, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        if (name === "transaction" && ++begun === number) controller.abort(new Error("killed"));
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  return { database, signal: controller.signal };
}

test("an erasure that was interrupted goes on elsewhere, and nothing is counted twice", async () => {
  const { tenantId, bobId, bob, ann, conversationId } = await begin();
  const messages = Array.from({ length: 500 }, (_, n) => ({ content: `${n} by ${bobId}` }));
  await bob.messages.batchSendMessages({ conversationId, messages });
  const job = await takenJob(tenantId, bobId);
  for (let times = 0; times < 2; times++) {
    const { database, signal } = interruptedAt(2);
    await workOn(database, tenantId, job, 0, signal);
  }
  const half = await readJob(server.database, tenantId, job.id);
  expect([half?.state, half?.counts.messages]).toEqual([2, 200]);
  const text = "update job set next_time = now() - interval '1 second' where tenant_id = $1";
  await server.database.query({ name: "test_lease_over", text }, [tenantId]);
  await runJobs(server.database, tenantId);
  const ended = await readJob(server.database, tenantId, job.id);
  expect([ended?.state, ended?.counts.messages]).toEqual([3, 500]);
  expect(await tablesWith(server.database, bobId)).toEqual([]);
  expect((await ann.conversations.getConversation({ conversationId })).conversation?.messageCount).toBe(0n);
});

test("what a server writes that takes the member for present still is erased by the second round", async () => {
  const { tenantId, bobId, bob, conversationId } = await begin();
  await bob.messages.sendMessage({ conversationId, message: { content: "before" } });
  const job = await takenJob(tenantId, bobId);
  await workOn(server.database, tenantId, job, 60_000);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ state: 1, round: 2 });
  await server.database.transaction(undefined, async (tx) => {
    const late = { ...systemCaller(tenantId, "server"), actor: bobId };
    const draft = { id: newId(), kind: 1, role: 1, content: `late ${bobId}` };
    await applyDiff(tx, late, conversationId, { unchanged: 0, edits: [], deletions: [], additions: [draft as never] });
  });
  expect(await tablesWith(server.database, `late ${bobId}`)).toEqual(["message"]);
  await runJobs(server.database, tenantId);
  expect(await tablesWith(server.database, bobId)).toEqual([]);
});

test("the second round finds that a hold of the first was lifted", async () => {
  const { tenantId, bobId, bob, credential, conversationId } = await begin();
  await bob.messages.sendMessage({ conversationId, message: { content: "held" } });
  const holds = server.client(LegalHoldService, credential);
  const scope = { case: "conversationId", value: conversationId } as const;
  const { legalHold } = await holds.createLegalHold({ legalHold: { displayName: "Case", reason: "Letter", scope } });
  const job = await takenJob(tenantId, bobId);
  await workOn(server.database, tenantId, job, 60_000);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ state: 1, round: 2, held: 1n });
  await holds.liftLegalHold({ legalHoldId: legalHold?.id ?? "", reason: "Over" });
  expect(await runJobs(server.database, tenantId)).toBe(0);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ state: 3, held: 0n });
});

test("a job does not wait for a hold that was lifted while it went on", async () => {
  const { tenantId, bobId, bob, credential, conversationId } = await begin();
  await bob.messages.sendMessage({ conversationId, message: { content: "held" } });
  const holds = server.client(LegalHoldService, credential);
  const scope = { case: "conversationId", value: conversationId } as const;
  const { legalHold } = await holds.createLegalHold({ legalHold: { displayName: "Case", reason: "Letter", scope } });
  const job = await takenJob(tenantId, bobId);
  let noted = 0;
  const database = new Proxy(server.database, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        const statement = parameters[0] as { name?: string } | undefined;
        // Between the look for holds and the wait for them.
        if (statement?.name === "erasure_held_files" && noted++ === 0) {
          await holds.liftLegalHold({ legalHoldId: legalHold?.id ?? "", reason: "Over" });
        }
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  await workOn(database, tenantId, { ...job, round: 3 }, 0);
  const waiting = await readJob(server.database, tenantId, job.id);
  expect(waiting).toMatchObject({ state: 1, round: 3, held: 1n });
  expect(await runJobs(server.database, tenantId)).toBe(0);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ state: 3, held: 0n });
});

test("a job tells how many conversations it has looked at after each of them, and keeps the number while it waits", async () => {
  const { tenantId, bobId, bob, ann, conversationId } = await begin();
  await ann.conversations.createConversation({});
  const other = await ann.conversations.createConversation({ participantIds: [bobId] });
  for (const id of [conversationId, other.conversation?.id ?? ""]) {
    await bob.messages.sendMessage({ conversationId: id, message: { content: "words" } });
  }
  const job = await takenJob(tenantId, bobId);
  const looked: unknown[] = [];
  const database = new Proxy(server.database, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        const statement = parameters[0] as { name?: string } | undefined;
        if (statement?.name === "job_note") looked.push((parameters[1] as unknown[])[4]);
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  await workOn(database, tenantId, job, 60_000);
  expect(looked).toEqual([1, 2, 0]);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ round: 2, looked: 3n, total: 3n });
  await runJobs(server.database, tenantId);
  expect(await readJob(server.database, tenantId, job.id)).toMatchObject({ state: 3, looked: 3n, total: 3n });
});

const SCOPES = {
  tenant: () => ({ case: "wholeTenant", value: true }),
  member: (_: string, bobId: string) => ({ case: "memberId", value: bobId }),
  conversation: (id: string) => ({ case: "conversationId", value: id }),
  match: () => ({ case: "match", value: { mode: "held" } }),
} as const;

type Scene = Awaited<ReturnType<typeof begin>>;

async function byPolicy({ tenantId, credential }: Scene, action: RetentionAction): Promise<boolean> {
  const nextRunTime = timestampFromMs(Date.now() - 1_000);
  const retention = server.client(RetentionService, credential);
  const retentionPolicy = { displayName: "All", action, ageDays: 1, nextRunTime };
  const made = await retention.createRetentionPolicy({ retentionPolicy });
  const run = await runPolicies(retention, server.database, tenantId);
  await retention.deleteRetentionPolicy({ retentionPolicyId: made.retentionPolicy?.id ?? "" });
  return run?.heldCount === 1n;
}

/** Each way to erase; gives whether it said that something is held. */
const WAYS: Readonly<Record<string, (scene: Scene) => Promise<boolean>>> = {
  async purge({ key, conversationId }) {
    return (await reasonOf(key.conversations.purgeConversation({ conversationId }))) === "HELD";
  },
  policy: (scene) => byPolicy(scene, RetentionAction.PURGE),
  emptying: (scene) => byPolicy(scene, RetentionAction.ERASE_CONTENT),
  async sweep({ tenantId, key, conversationId }) {
    await key.conversations.deleteConversation({ conversationId }).catch(() => {});
    const text = "update conversation set purge_time = now() - interval '1 day' where tenant_id = $1";
    await server.database.query({ name: "test_due", text }, [tenantId]);
    return (await purgeDue(server.database, tenantId)) === 0;
  },
  async erasure({ tenantId, credential, bobId }) {
    const erasing = server.client(ErasureService, credential).eraseMember({ memberId: bobId });
    const reason = await reasonOf(erasing);
    if (reason !== undefined) return reason === "HELD";
    await retryHeld(server.database, tenantId);
    return (await runJobs(server.database, tenantId)) === 1;
  },
};

const MATRIX = Object.keys(SCOPES).flatMap((scope) => Object.keys(WAYS).map((way) => [scope, way] as const));

/** These forget what was said for good; after the others an import of an older export brings it back. */
const FOR_GOOD = ["erasure", "emptying"];

test.each(MATRIX)(
  "a hold on a %s keeps the words from %s, over a restore and an import; once it is lifted they go",
  async (scope, way) => {
    const scene = await begin();
    const { bobId, bob, ann, key, tenantId, credential, conversationId } = scene;
    const words = `words of ${bobId}`;
    const { message } = await bob.messages.sendMessage({ conversationId, message: { content: words } });
    const messageId = message?.id ?? "";
    const age = async () => {
      const text = `update conversation set mode = 'held', create_time = now() - interval '9 days',
        last_message_time = now() - interval '9 days' where tenant_id = $1`;
      await server.database.query({ name: "test_old_held", text }, [tenantId]);
    };
    await age();
    const transfer = server.client(TransferService, credential);
    const before = await exported({ transfer }, conversationId);
    const holds = server.client(LegalHoldService, credential);
    const hold = async () => {
      const held = SCOPES[scope as keyof typeof SCOPES](conversationId, bobId) as never;
      const made = await holds.createLegalHold({ legalHold: { displayName: "Case", reason: "Letter", scope: held } });
      return made.legalHold?.id ?? "";
    };
    const go = () => WAYS[way]?.(scene);
    const contents = async () => {
      const { messages } = await key.messages.listMessages({ conversationId, deleted: DeletedFilter.INCLUDE });
      return messages.map(({ content }) => content);
    };

    const legalHoldId = await hold();
    await ann.messages.deleteMessage({ messageId });
    await ann.messages.restoreMessage({ messageId });
    expect(await go()).toBe(true);
    expect(await tablesWith(server.database, words)).toContain("message");
    if (way === "sweep") {
      expect(await reasonOf(ann.conversations.restoreConversation({ conversationId }))).toBe("NOT_FOUND");
      await key.conversations.restoreConversation({ conversationId });
    }
    await imported({ transfer }, before);
    expect(await contents()).toEqual([words]);

    await holds.liftLegalHold({ legalHoldId, reason: "Over" });
    await age();
    expect(await go()).toBe(false);
    expect(await tablesWith(server.database, words)).toEqual([]);
    expect(await reasonOf(ann.messages.restoreMessage({ messageId }))).toBe("NOT_FOUND");

    await imported({ transfer }, before);
    if (FOR_GOOD.includes(way)) {
      expect(await tablesWith(server.database, words)).toEqual([]);
      return;
    }
    expect(await contents()).toEqual([words]);
    await hold();
    await age();
    expect(await go()).toBe(true);
    expect(await tablesWith(server.database, words)).toContain("message");
  },
);
