// F-RETENTION-COUNTS: What the preview of a retention policy counts is what its run does.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CallType, ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { RetentionAction, RetentionBasis } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { runRetention } from "../../src/jobs/retention.ts";
import { PIXEL, personOf } from "../support/calls/files.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const { DELETE, ERASE_CONTENT, PURGE } = RetentionAction;
const { LAST_MESSAGE, CREATION, DELETION } = RetentionBasis;

/** A tenant with conversations by name, all 90 days old but `young`. */
async function begin() {
  const tenant = await server.tenant();
  await tenant.addMember("ann");
  await tenant.addMember("boss", { role: "admin" });
  const { credential } = await tenant.key("read", "write", "admin");
  const person = (id: string) => personOf(server, { ...credential, "x-act-for": id });
  const [key, ann, boss] = [personOf(server, credential), person("ann"), person("boss")];
  const ids: Record<string, string> = {};
  const make = async (name: string, fields: object = {}, by = key) => {
    const messages = [{ content: name }, { content: "more" }];
    const { conversation } = await by.conversations.createConversation({ conversation: fields, messages });
    const id = conversation?.id ?? "";
    ids[name] = id;
    return id;
  };
  const [plain = "", filed = "", wrote = "", deleted = "", archived = ""] = await Promise.all([
    ...[make("plain"), make("filed"), make("wrote"), make("deleted"), make("archived")],
    ...[make("labelled", { labels: { matter: "tax", year: "1" } }), make("voice", { mode: "voice" })],
    ...[make("case", { entityType: "case", entityId: "1" }), make("call", { callType: CallType.INBOUND })],
    ...[make("both", { mode: "chat", labels: { matter: "rent" } }), make("ann's", {}, ann), make("boss's", {}, boss)],
    make("young"),
  ]);
  const { message } = await key.messages.sendMessage({ conversationId: filed, message: { content: "gone" } });
  const fork = await key.conversations.forkConversation({ conversationId: plain });
  ids.fork = fork.conversation?.id ?? "";
  await Promise.all([
    key.messages.sendMessage({ conversationId: ids.fork, message: { content: "in the fork" } }),
    key.send(filed, (await key.upload(PIXEL)).id),
    key.messages.deleteMessage({ messageId: message?.id ?? "" }),
    key.conversations.deleteConversation({ conversationId: deleted }),
    key.conversations.updateConversation({
      conversationId: archived,
      conversation: { status: ConversationStatus.ARCHIVED },
      updateMask: { paths: ["status"] },
    }),
  ]);
  const change = (name: string, text: string, id: string) => server.database.query({ name, text }, [tenant.id, id]);
  await change("t_wrote", "update message set sender = 'ann' where tenant_id = $1 and conversation_id = $2", wrote);
  const old = `create_time = now() - interval '90 days', last_message_time = now() - interval '90 days',
    delete_time = (delete_time at time zone 'UTC' - interval '90 days') at time zone 'UTC'`;
  await change("t_old", `update conversation set ${old} where tenant_id = $1 and id <> $2`, ids.young ?? "");

  const retention = server.client(RetentionService, credential);
  const query = "select count(*)::integer as count from message where tenant_id = $1 and delete_time is null";
  const messages = async () =>
    (await server.database.query<{ count: number }>({ name: "t_count", text: query }, [tenant.id]))[0]?.count ?? 0;
  return {
    ids,
    holds: server.client(LegalHoldService, credential),
    /** What the preview of a policy says and what its run does: conversations, their messages, held ones. */
    async both(action: RetentionAction, basis: RetentionBasis, match?: object) {
      const policy = { displayName: "Policy", action, basis, ageDays: 30, ...(match && { match }) };
      const seen = await retention.previewRetentionPolicy({ retentionPolicy: policy });
      const before = await messages();
      const nextRunTime = timestampFromMs(Date.now() - 1_000);
      const made = await retention.createRetentionPolicy({ retentionPolicy: { ...policy, nextRunTime } });
      const retentionPolicyId = made.retentionPolicy?.id ?? "";
      await runRetention(server.database, tenant.id, undefined);
      const [run] = (await retention.listRetentionRuns({ retentionPolicyId })).retentionRuns;
      await retention.deleteRetentionPolicy({ retentionPolicyId });
      const done = Number(run?.deletedCount) + Number(run?.purgedCount) + Number(run?.erasedCount);
      return {
        preview: [Number(seen.conversationCount), Number(seen.messageCount), Number(seen.heldCount)],
        run: [
          done,
          action === DELETE ? Number(seen.messageCount) : before - (await messages()),
          Number(run?.heldCount),
        ],
        failed: Number(run?.failedCount),
        first: seen.conversationIds.length,
      };
    },
  };
}

const same = (...counts: number[]) => ({ preview: counts, run: counts, failed: 0, first: counts[0] });

test("by each filter, action and basis", async () => {
  const { both } = await begin();
  const { ARCHIVED } = ConversationStatus;
  expect(await both(PURGE, LAST_MESSAGE, { mode: "chat", labels: { matter: "tax" } })).toEqual(same(0, 0, 0));
  expect(await both(ERASE_CONTENT, CREATION, { mode: "chat", labels: { matter: "rent" } })).toEqual(same(1, 2, 0));
  expect(await both(PURGE, LAST_MESSAGE, { labels: { matter: "tax" } })).toEqual(same(1, 2, 0));
  expect(await both(PURGE, CREATION, { mode: "voice" })).toEqual(same(1, 2, 0));
  expect(await both(ERASE_CONTENT, LAST_MESSAGE, { entityType: "case" })).toEqual(same(1, 2, 0));
  expect(await both(DELETE, CREATION, { callType: CallType.INBOUND })).toEqual(same(1, 2, 0));
  expect(await both(DELETE, LAST_MESSAGE, { status: ARCHIVED })).toEqual(same(1, 2, 0));
  expect(await both(ERASE_CONTENT, LAST_MESSAGE, { ownerRole: MemberRole.ADMIN })).toEqual(same(1, 2, 0));
  // What the policies before have deleted was deleted today.
  expect(await both(PURGE, DELETION)).toEqual(same(1, 2, 0));
  expect(await both(ERASE_CONTENT, LAST_MESSAGE)).toEqual(same(7, 14 + 1 - 1, 0));
  expect(await both(ERASE_CONTENT, LAST_MESSAGE)).toEqual(same(0, 0, 0));
  expect(await both(PURGE, CREATION)).toEqual(same(10, 0, 0));
});

type Scope = { case: "conversationId" | "memberId"; value: string } | { case: "match"; value: object };
type Ids = Readonly<Record<string, string>>;
const HOLDS: [name: string, scopes: (ids: Ids) => Scope[], held: number, messages: number][] = [
  ["a conversation", ({ plain = "" }) => [{ case: "conversationId", value: plain }], 1, 2],
  [
    "two on one conversation",
    ({ filed = "" }) => [
      { case: "conversationId", value: filed },
      { case: "match", value: { status: ConversationStatus.ARCHIVED } },
      { case: "conversationId", value: filed },
    ],
    2,
    5,
  ],
  ["a fork, which shows another", ({ fork = "" }) => [{ case: "conversationId", value: fork }], 2, 3],
  ["a member, who owns one and wrote to another", () => [{ case: "memberId", value: "ann" }], 2, 4],
];
test.each(HOLDS)("where holds cover %s", async (_, scopes, held, messages) => {
  const { both, holds, ids } = await begin();
  for (const scope of scopes(ids)) {
    await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope: scope as never } });
  }
  expect(await both(DELETE, CREATION)).toEqual(same(12 - held, 24 - messages, held));
  expect(await both(ERASE_CONTENT, CREATION)).toEqual(same(13 - held, 26 - messages, held));
  expect(await both(PURGE, CREATION)).toEqual(same(13 - held, 0, held));
});
