// Retention policies: which conversations one deletes or purges, in which order policies decide, and what a run says of
// itself.
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { RetentionAction, RetentionBasis } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { runRetention } from "../../src/jobs/retention.ts";
import { createSweeper } from "../../src/jobs/sweeper.ts";
import type { Database } from "../../src/store/database.ts";
import { personOf } from "../support/calls/files.ts";
import { failureOf, reasonOf } from "../support/errors.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const { KEEP, DELETE, PURGE } = RetentionAction;

async function begin() {
  const tenant = await server.tenant();
  await tenant.addMember("ann");
  const { credential } = await tenant.key("read", "write", "admin");
  const key = personOf(server, credential);
  const retention = server.client(RetentionService, credential);
  const { id: tenantId } = tenant;
  return {
    tenantId,
    key,
    credential,
    retention,
    holds: server.client(LegalHoldService, credential),
    /** A conversation that was created and heard its one message so many days ago. */
    async conversation(days: number, fields: object = {}, lastDays = days) {
      const { conversation } = await key.conversations.createConversation({ conversation: fields });
      const id = conversation?.id ?? "";
      await key.messages.sendMessage({ conversationId: id, message: { content: "old" } });
      const text = `update conversation set create_time = now() - $3 * interval '1 day',
        last_message_time = now() - $4 * interval '1 day' where tenant_id = $1 and id = $2`;
      await server.database.query({ name: "test_age", text }, [tenantId, id, days, lastDays]);
      return id;
    },
    /** Makes a policy that is due at once; gives its id. */
    async policy(fields: object) {
      const nextRunTime = timestampFromMs(Date.now() - 1_000);
      const retentionPolicy = { displayName: "Policy", nextRunTime, ...fields };
      return (await retention.createRetentionPolicy({ retentionPolicy })).retentionPolicy?.id ?? "";
    },
    run: (purgeAfterDays?: number, giveWay?: () => Promise<void>) =>
      runRetention(server.database, tenantId, purgeAfterDays, undefined, giveWay),
    /** What became of conversations: here, deleted or gone. */
    fates: (...ids: string[]) =>
      Promise.all(
        ids.map(async (conversationId) => {
          const asked = { conversationId, deleted: DeletedFilter.INCLUDE };
          const answer = await key.conversations.getConversation(asked).catch(() => undefined);
          if (answer === undefined) return "gone";
          return answer.conversation?.deleteTime ? "deleted" : "here";
        }),
      ),
  };
}

test.each([
  ["deletes", DELETE, [1, 2, 3]],
  ["purges", PURGE, [1, 1, 2, 2, 3, 3]],
  ["empties", RetentionAction.ERASE_CONTENT, [1, 1, 1, 2, 2, 2, 3, 3, 3]],
] as const)("a run that %s conversations gives way to calls behind each piece", async (_, action, touched) => {
  const { conversation, policy, run, key } = await begin();
  const ids = [await conversation(40), await conversation(40), await conversation(40)];
  await policy({ action, ageDays: 30 });
  const left = async (conversationId: string) =>
    (await key.messages.listMessages({ conversationId }).catch(() => undefined))?.messages.length ?? 0;
  const seen: number[] = [];
  const changed = await run(undefined, async () => {
    const counts = await Promise.all(ids.map(left));
    seen.push(counts.filter((count) => count === 0).length);
  });
  expect([changed, seen]).toEqual([3, touched]);
});

test("a policy purges what is older than its age, and leaves what is younger or does not match", async () => {
  const { conversation, policy, run, fates, retention } = await begin();
  const chat = { mode: "chat" };
  const ids = [
    await conversation(31, chat),
    await conversation(29, chat),
    await conversation(90, chat, 1),
    await conversation(90),
  ];
  const retentionPolicy = { displayName: "Chats", match: chat, action: PURGE, ageDays: 30 };
  expect(await retention.previewRetentionPolicy({ retentionPolicy })).toMatchObject({
    conversationCount: 1n,
    messageCount: 1n,
    heldCount: 0n,
    conversationIds: [ids[0]],
  });
  expect(await fates(...ids)).toEqual(["here", "here", "here", "here"]);
  await policy(retentionPolicy);
  expect(await run()).toBe(1);
  expect(await fates(...ids)).toEqual(["gone", "here", "here", "here"]);
});

test("its age counts from the last message, from the creation, or from the deletion", async () => {
  const { conversation, policy, run, fates, key, tenantId } = await begin();
  const byCreation = await conversation(40, { mode: "created" }, 1);
  const deleted = await conversation(90, { mode: "deleted" });
  const justDeleted = await conversation(90, { mode: "deleted" });
  const alive = await conversation(90, { mode: "deleted" });
  for (const conversationId of [deleted, justDeleted]) await key.conversations.deleteConversation({ conversationId });
  const text = "update conversation set delete_time = now() - interval '8 days' where tenant_id = $1 and id = $2";
  await server.database.query({ name: "test_deleted", text }, [tenantId, deleted]);
  const purges = { action: PURGE, ageDays: 7 };
  await policy({ ...purges, match: { mode: "created" }, basis: RetentionBasis.CREATION });
  await policy({ ...purges, match: { mode: "deleted" }, basis: RetentionBasis.DELETION });
  expect(await run()).toBe(2);
  expect(await fates(byCreation, deleted, justDeleted, alive)).toEqual(["gone", "gone", "deleted", "here"]);
});

test("a policy that deletes leaves what can be restored, and is purged by the server's setting", async () => {
  const { conversation, policy, run, fates, key } = await begin();
  const conversationId = await conversation(31);
  await policy({ action: DELETE, ageDays: 30 });
  expect([await run(10), await run(10)]).toEqual([1, 0]);
  expect(await fates(conversationId)).toEqual(["deleted"]);
  const asked = { conversationId, deleted: DeletedFilter.ONLY };
  const { conversation: found } = await key.conversations.getConversation(asked);
  expect(Number(found?.purgeTime?.seconds) - Number(found?.deleteTime?.seconds)).toBe(10 * 86_400);
  await key.conversations.restoreConversation({ conversationId });
  expect(await fates(conversationId)).toEqual(["here"]);
});

test("of the policies that match, the one with the lowest priority decides alone, then the oldest", async () => {
  const { conversation, policy, run, fates, retention } = await begin();
  const labels = { matter: "tax" };
  const kept = await conversation(5_000, { labels });
  const longer = await conversation(200, { mode: "voice" });
  const rest = await conversation(200);
  const first = await policy({ action: KEEP, match: { labels }, priority: -1, nextRunTime: undefined });
  const voice = await policy({ action: PURGE, ageDays: 365, match: { mode: "voice" } });
  const all = await policy({ action: PURGE, ageDays: 30 });
  const { retentionPolicies } = await retention.listRetentionPolicies({});
  expect(retentionPolicies.map(({ id }) => id)).toEqual([first, voice, all]);
  const page = await retention.listRetentionPolicies({ pageSize: 2 });
  const { retentionPolicies: others } = await retention.listRetentionPolicies({
    pageSize: 2,
    pageToken: page.nextPageToken,
  });
  expect(others.map(({ id }) => id)).toEqual([all]);
  const early = { displayName: "x", action: PURGE, ageDays: 30 };
  for (const [priority, count] of [
    [-2, 3n],
    [-1, 2n],
    [0, 0n],
  ] as const) {
    const seen = await retention.previewRetentionPolicy({ retentionPolicy: { ...early, priority } });
    expect([priority, seen.conversationCount]).toEqual([priority, count]);
  }
  expect(await run()).toBe(1);
  expect(await fates(kept, longer, rest)).toEqual(["here", "here", "gone"]);
});

test("a legal hold overrides a policy, which says how many it left", async () => {
  const { conversation, policy, run, fates, holds, retention } = await begin();
  const [held, wroteThere, free] = [await conversation(31), await conversation(31), await conversation(31)];
  const hold = async (scope: { case: "conversationId" | "memberId"; value: string }) =>
    (await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope } })).legalHold?.id ??
    "";
  const one = await hold({ case: "conversationId", value: held });
  const text = "update message set sender = 'ann' where conversation_id = $1 and tenant_id is not null";
  await server.database.query({ name: "test_wrote", text: `/* test */ ${text}` }, [wroteThere]);
  const two = await hold({ case: "memberId", value: "ann" });
  const id = await policy({ action: PURGE, ageDays: 30 });
  expect(await run()).toBe(1);
  expect(await fates(held, wroteThere, free)).toEqual(["here", "here", "gone"]);
  const { retentionRuns } = await retention.listRetentionRuns({ retentionPolicyId: id });
  expect(retentionRuns).toMatchObject([{ purgedCount: 1n, heldCount: 2n, failedCount: 0n, deletedCount: 0n }]);
  for (const legalHoldId of [one, two]) await holds.liftLegalHold({ legalHoldId, reason: "over" });
  await policy({ action: PURGE, ageDays: 30, priority: -1 });
  expect(await run()).toBe(2);
  expect(await fates(held, wroteThere)).toEqual(["gone", "gone"]);
});

test("a run is one server's, once in 24 hours, and is written down", async () => {
  const { conversation, policy, retention, run, credential } = await begin();
  await conversation(31);
  const id = await policy({ action: PURGE, ageDays: 30 });
  const changed = await Promise.all([run(), run(), run()]);
  expect(changed.sort()).toEqual([0, 0, 1]);
  const { retentionRuns } = await retention.listRetentionRuns({});
  expect(retentionRuns).toMatchObject([{ retentionPolicyId: id, displayName: "Policy", purgedCount: 1n }]);
  expect(retentionRuns[0]?.endTime).toBeDefined();
  const { retentionPolicy } = await retention.getRetentionPolicy({ retentionPolicyId: id });
  const seconds = (time: Timestamp | undefined) => Number(time?.seconds);
  expect(seconds(retentionPolicy?.nextRunTime) - seconds(retentionRuns[0]?.startTime)).toBe(86_400);
  const { auditEntries } = await server.client(AuditService, credential).listAuditEntries({ resourceId: id });
  expect(auditEntries.map(({ action, details }) => [action, details])).toEqual([
    ["retention_policy.run", { name: "Policy", deleted: "0", purged: "1", erased: "0", held: "0", failed: "0" }],
    ["retention_policy.create", { name: "Policy", action: "purge", days: "30" }],
  ]);
});

test("a run whose server stopped is gone on with where it was, and one whose policy was deleted ends", async () => {
  const { conversation, policy, retention, run, fates, tenantId } = await begin();
  const [before, after] = [await conversation(31), await conversation(31)].sort();
  const id = await policy({ action: PURGE, ageDays: 30 });
  const left = async (minutes: number, policyId: string) => {
    const text = `insert into retention_run (tenant_id, id, policy_id, name, start_time, renew_time, last_id, purged)
      values ($1, $2, $3, 'Policy', now(), now() - $4 * interval '1 minute', $5, 7)`;
    await server.database.query({ name: "test_left", text }, [tenantId, newId(), policyId, minutes, before]);
  };
  const text = "update retention_policy set next_run_time = now() + interval '1 day' where tenant_id = $1";
  await server.database.query({ name: "test_not_due", text }, [tenantId]);
  await left(29, id);
  expect(await run()).toBe(0);
  await left(31, id);
  expect(await run()).toBe(1);
  expect(await fates(before ?? "", after ?? "")).toEqual(["here", "gone"]);
  await retention.deleteRetentionPolicy({ retentionPolicyId: id });
  await left(31, id);
  expect(await run()).toBe(0);
  expect(await fates(before ?? "")).toEqual(["here"]);
  const { retentionRuns } = await retention.listRetentionRuns({ retentionPolicyId: id });
  expect(retentionRuns.map(({ purgedCount, endTime }) => [purgedCount, endTime !== undefined])).toEqual([
    [7n, true],
    [8n, true],
    [7n, false],
  ]);
  expect(await reasonOf(retention.deleteRetentionPolicy({ retentionPolicyId: id }))).toBe("NOT_FOUND");
});

// microsoft/BCApps#3282: what was counted before counted again.
test("what an interrupted run has counted as held is not counted again by the one that goes on with it", async () => {
  const { conversation, policy, retention, run, holds, tenantId } = await begin();
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push(await conversation(31));
  const [held = "", , heldToo = ""] = ids.sort();
  for (const value of [held, heldToo]) {
    const scope = { case: "conversationId", value } as const;
    await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope } });
  }
  const id = await policy({ action: PURGE, ageDays: 30 });
  const stopping = new AbortController();
  const interrupted = runRetention(server.database, tenantId, undefined, stopping.signal, async () => {
    const { retentionRuns } = await retention.listRetentionRuns({ retentionPolicyId: id });
    if (retentionRuns[0]?.purgedCount === 1n) stopping.abort();
  });
  expect(await interrupted).toBe(1);
  const text = "update retention_run set renew_time = now() - interval '31 minutes' where tenant_id = $1";
  await server.database.query({ name: "test_left_run", text }, [tenantId]);
  expect(await run()).toBe(1);
  const { retentionRuns } = await retention.listRetentionRuns({ retentionPolicyId: id });
  expect(retentionRuns).toMatchObject([{ purgedCount: 2n, heldCount: 2n, failedCount: 0n }]);
});

test("policies that are due at once all run in one round, also where something else of the tenant cannot be swept", async () => {
  const { conversation, policy, retention, tenantId } = await begin();
  await conversation(31, { mode: "a" });
  await conversation(31, { mode: "b" });
  for (const mode of ["a", "b"]) await policy({ action: PURGE, ageDays: 30, match: { mode } });
  const query: Database["query"] = (statement, values, signal) => {
    if (statement.name === "idempotency_forget" && values[0] === tenantId) throw new Error("too much to do");
    return server.database.query(statement, values, signal);
  };
  const database = { ...server.database, query, transaction: server.database.transaction.bind(server.database) };
  const sweeper = createSweeper({ database: database as Database, onError: () => {} });
  await expect(sweeper.sweep()).rejects.toThrow("too much to do");
  await sweeper.stop();
  const { retentionRuns } = await retention.listRetentionRuns({});
  expect(retentionRuns.map(({ purgedCount, endTime }) => [purgedCount, endTime !== undefined])).toEqual([
    [1n, true],
    [1n, true],
  ]);
});

test("a policy that is made waits a day, and names what is wrong with it", async () => {
  const { policy, run, retention, conversation, fates } = await begin();
  const old = await conversation(31);
  const id = await policy({ action: PURGE, ageDays: 30, nextRunTime: undefined });
  expect(await run()).toBe(0);
  expect(await fates(old)).toEqual(["here"]);
  const { retentionPolicy } = await retention.getRetentionPolicy({ retentionPolicyId: id });
  const { nextRunTime, createTime } = retentionPolicy ?? {};
  expect(Number(nextRunTime?.seconds) - Number(createTime?.seconds)).toBe(86_400);
  const wrong: [object, string][] = [
    [{ action: PURGE }, "retention_policy.age_days: must be at least 1 unless the policy keeps"],
    [{ action: KEEP, ageDays: 1 }, "retention_policy.age_days: must be 0 for a policy that keeps"],
    [{ action: KEEP }, "retention_policy.next_run_time: must be unset for a policy that keeps"],
    [
      { action: DELETE, ageDays: 1, basis: RetentionBasis.DELETION },
      "retention_policy.basis: must be another one for a policy that deletes",
    ],
    [{ action: PURGE, ageDays: 1, match: {} }, "retention_policy.match: must have at least one field"],
  ];
  for (const [fields, message] of wrong) expect(await failureOf(policy(fields))).toMatchObject({ message });
  expect(await reasonOf(policy({ ageDays: 1 }))).toBe("INVALID_FIELD");
});
