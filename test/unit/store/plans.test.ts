// How much PostgreSQL reads for the hot calls: what is asked for is paid for, not what lies around it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import { type ConversationList, listConversations } from "../../../src/store/conversations/list-statement.ts";
import { listParticipants } from "../../../src/store/conversations/participant-statements.ts";
import { getConversation } from "../../../src/store/conversations/statements.ts";
import type { Statement } from "../../../src/store/database.ts";
import { holdOver, holdOverEnd } from "../../../src/store/legal-holds/statements.ts";
import { readLog, send } from "../../../src/store/log/statements.ts";
import { listMessages, type MessageListShape } from "../../../src/store/messages/list-statements.ts";
import { sendMany } from "../../../src/store/messages/send-many-statement.ts";
import { getMessage, markMessagesDeleted } from "../../../src/store/messages/statements.ts";
import { conversationsToPurge } from "../../../src/store/purge/statements.ts";
import { addReaction, listReactions, removeReaction } from "../../../src/store/reactions/statements.ts";
import { listMentions, listReplies } from "../../../src/store/replies/statements.ts";
import { lockDue, nextWindow } from "../../../src/store/retention/statements.ts";
import { listAllTurns } from "../../../src/store/turns/list-statements.ts";
import type { ViewerKind } from "../../../src/store/visibility.ts";
import {
  CONVERSATIONS,
  conversationId,
  createCrowd,
  createTime,
  KNOWN,
  LONG,
  messageId,
  NEWCOMER,
  REACTED_AFTER,
} from "../../support/postgres/crowd.ts";
import { type Explainer, openExplainer } from "../../support/postgres/plans.ts";
import { administer, createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let database: TestDatabase;
let explainer: Explainer;
beforeAll(async () => {
  database = await createTestDatabase();
  await createCrowd(database.url);
  for (const tenant of [KNOWN, NEWCOMER]) await administer(database.url, placeHolds(tenant));
  explainer = await openExplainer(database.url);
}, 120_000);
afterAll(async () => {
  await explainer[Symbol.asyncDispose]();
  await database.drop();
});

/** A hold of each kind but on the tenant, each on something else than what is asked for. */
function placeHolds(tenant: string): string {
  const holds = [
    "2, 'member-900', null, null",
    `3, null, '${conversationId(9_000)}', null`,
    `4, null, null, '{"team": "x"}'`,
  ];
  return `insert into legal_hold (tenant_id, id, name, reason, two_person, creator, create_time, kind, member_id, conversation_id, labels)
    values ${holds.map((hold) => `('${tenant}', '${newId()}', 'x', 'x', false, 'x', now(), ${hold})`).join(", ")}`;
}

/** A rule about all conversations that are older than 30 days. */
const RULE = ["ffffffff-ffff-ffff-ffff-ffffffffffff", 0, 3, 2, 30, null, null, null, null, null, null, null];
const WINDOW = 2_000;

type Values = readonly unknown[];
type Call = readonly [what: string, most: number, statement: Statement, values: Values];

const PAGE = 50;
const FIRST = "-infinity";
const DEEP = 18_000;
const HIGHEST = "9223372036854775807";

function page(what: string, viewer: ViewerKind, more: Partial<ConversationList> = {}): Call {
  const caller = { tenant: null, member: "ada", manager: "boss" }[viewer];
  const plain = {
    viewer,
    order: "newest",
    deleted: "exclude",
    filters: {},
    skip: 0,
    limit: PAGE,
    count: false,
  } as const;
  const { statement, values } = listConversations({ ...plain, ...more });
  return [what, 40 * PAGE, statement, [caller, ...values]];
}

const after = (n: number) => ({ after: { id: conversationId(n), time: createTime(n) } });
/** Behind the conversation that was last active in this second, while nothing has changed. */
const afterActive = (n: number) => {
  const since = { next: 4_000_000_000n, running: [] };
  return { after: { id: conversationId(0), time: createTime(n), since } };
};
const messagesBy = (shape: Partial<MessageListShape>) =>
  listMessages({ viewer: "member", newestFirst: false, deleted: "exclude", filtered: false, ...shape });
const plain = messagesBy({});
const newest = messagesBy({ newestFirst: true });
const deleted = messagesBy({ deleted: "only" });

/** The values come after the tenant. `most` rows may be looked at: those shown, and a few for each to see who may. */
const CALLS: readonly Call[] = [
  // Where a member is held, its log is read.
  ["whether a hold covers a conversation by its log", 60_000, holdOver, [LONG]],
  ["whether one covers the end of a long log", 200, holdOverEnd, [LONG, 20]],
  ["what is to be purged", 60, conversationsToPurge, [10, []]],
  ["what a retention policy is about, in a window", 20 * WINDOW, nextWindow, [conversationId(2_000), ...RULE, WINDOW]],
  ["whether a retention policy is about one", 60, lockDue, [conversationId(5_000), ...RULE]],
  ["a conversation", 1_200, getConversation.member, ["ada", LONG, false]],
  ["a message", 10, getMessage.member, ["ada", messageId(7), false]],
  // What is unread is counted up to 10,000.
  ["a conversation that is another's", 11_200, getConversation.member, ["bob", LONG, false]],
  ["a message in it", 10, getMessage.member, ["bob", messageId(7), false]],
  ["the first page of messages", 2 * PAGE, plain, ["ada", LONG, 0, HIGHEST, PAGE]],
  ["a page of messages at depth", 2 * PAGE, plain, ["ada", LONG, DEEP, HIGHEST, PAGE]],
  ["the latest messages", 2 * PAGE, newest, ["ada", LONG, 0, HIGHEST, PAGE]],
  ["a page of messages with reactions", 5 * PAGE, plain, ["bob", LONG, REACTED_AFTER, HIGHEST, PAGE]],
  ["a message with a thousand reactions", 15, getMessage.member, ["bob", messageId(REACTED_AFTER / 2 + 1), false]],
  ["a reaction more", 30, addReaction.member, ["bob", messageId(REACTED_AFTER / 2 + 1), "bob", "🎉"]],
  ["a reaction less", 30, removeReaction.member, ["bob", messageId(REACTED_AFTER / 2 + 1), "bob", "👍"]],
  [
    "a page of reactions",
    2 * PAGE,
    listReactions.member,
    ["bob", messageId(REACTED_AFTER / 2 + 1), null, FIRST, "", "", PAGE],
  ],
  ["a page of replies, of which there are none", 15, listReplies(false).member, ["bob", messageId(7), 0, PAGE]],
  ["a page of mentions, of which there are none", 15, listMentions.member, ["bob", null, null, null, PAGE]],
  ["the deletion of a message", 30, markMessagesDeleted, [LONG, [13], true]],
  ["the deleted messages, of which there are none", 10, deleted, ["ada", LONG, 0, HIGHEST, PAGE]],
  ["the log from a place at depth", 5 * PAGE, readLog.member, ["ada", LONG, DEEP, PAGE, false]],
  ["the end of the log", 10, readLog.member, ["ada", LONG, 20_000, PAGE, false]],
  ["what followers of a log read together", 10, readLog.tenant, [null, LONG, 19_999, PAGE, true]],
  page("a member's conversations", "member"),
  page("a member's conversations at depth", "member", after(100)),
  page("a member's oldest conversations", "member", { order: "oldest" }),
  page("a member's oldest conversations at depth", "member", { order: "oldest", ...after(4_000) }),
  page("a manager's conversations", "manager"),
  page("a manager's conversations at depth", "manager", after(4_000)),
  page("a member's conversations by activity", "member", { order: "activity" }),
  page("a member's conversations by activity at depth", "member", { order: "activity", ...afterActive(2_000) }),
  page("a manager's conversations by activity", "manager", { order: "activity" }),
  page("the conversations of a named member by activity", "tenant", {
    order: "activity",
    filters: { memberId: "ada" },
  }),
  page("the tenant's conversations by activity at depth", "tenant", { order: "activity", ...afterActive(9_000) }),
  page("the tenant's conversations", "tenant"),
  page("the tenant's conversations at depth", "tenant", after(CONVERSATIONS / 2)),
  page("the conversations of a named member", "tenant", { filters: { memberId: "ada" } }),
  page("what has a label that few have", "tenant", { filters: { labels: { team: "few" } } }),
  page("what has a label that all have", "tenant", { filters: { labels: { tier: "many" } } }),
  page("the same at depth", "tenant", { filters: { labels: { tier: "many" } }, ...after(CONVERSATIONS / 2) }),
  page("what has two labels, of which the first is rare", "tenant", {
    filters: { labels: { tier: "many", team: "few" } },
    order: "oldest",
  }),
  page("a member's conversations by a label", "member", { filters: { labels: { tier: "many" } } }),
  // Each conversation of the member is looked at once, for its turns; those of others are not.
  ["a member's turns of all conversations", 5 * CONVERSATIONS, listAllTurns.member, ["ada", null, 0, PAGE]],
  ["a page of participants", 100, listParticipants.member, ["ada", LONG, 500n, "", PAGE]],
  [
    "a send",
    20,
    send.member,
    ["ada", LONG, "ada", [newId()], [1], ["hi"], [null], [null], "ada", "", null, null, false, [null], [null]],
  ],
  [
    ...(["a send with a request id", 20, send.member] as const),
    [
      "ada",
      LONG,
      "ada",
      [newId()],
      [1],
      ["hi"],
      [null],
      [null],
      "ada",
      "send",
      newId(),
      "\\x00",
      false,
      [null],
      [null],
    ],
  ],
  [
    ...(["a send for those who take part alone", 10, send.member] as const),
    ["bob", LONG, "bob", [newId()], [1], ["hi"], [null], [null], "bob", "", null, null, true, [null], [null]],
  ],
  [
    ...(["two sends together", 40, sendMany.member] as const),
    [
      ...[
        LONG,
        ["ada", "bob"],
        ["ada", "bob"],
        ["ada", "bob"],
        ["", ""],
        [null, null],
        [null, null],
        [1, 1],
        [false, true],
      ],
      ...[
        [1, 2],
        [newId(), newId()],
        [1, 1],
        ["hi", "ho"],
        [null, null],
        [null, null],
        [null, null],
        [null, null],
      ],
    ],
  ],
];

/** Tables of a few rows or none, which are gone through as a whole: their rows count all the same. */
const FEW = new Set(["event", "legal_hold", "retention_policy", "turn"]);

describe.each([
  ["a tenant that the statistics know", KNOWN],
  ["a tenant that came after the statistics were taken", NEWCOMER],
])("in %s", (_, tenant) => {
  test.each(CALLS)("%s costs at most %i rows, found by indexes, sorting no more than some pages", async (...call) => {
    const [, most, statement, values] = call;
    const work = await explainer.explain(statement, [tenant, ...values]);
    expect(work.reads.filter((reading) => !reading.includes(" by ") && !FEW.has(reading))).toEqual([]);
    expect(work.sorted).toBeLessThanOrEqual(4 * PAGE);
    expect(work.rows).toBeLessThanOrEqual(most);
  });

  test("pages by number that are counted read as much wherever they lie, of the member's own alone", async () => {
    const rows: number[] = [];
    for (const skip of [0, CONVERSATIONS / 2 - PAGE]) {
      const [, , statement, values] = page("", "member", { count: true, skip, order: "oldest" });
      const work = await explainer.explain(statement, [tenant, ...values]);
      expect(work.reads.filter((reading) => !reading.includes(" by "))).toEqual([]);
      rows.push(work.rows);
    }
    const [first = 0, last = 0] = rows;
    expect(last).toBeLessThanOrEqual(first);
    // Each is looked up twice: it is owned, and taken part in.
    expect(first).toBeLessThanOrEqual(2 * CONVERSATIONS);
  });
});
