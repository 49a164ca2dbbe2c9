// Pages by keys that several items share: each item comes once, in one order, whatever the size of the pages.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageOrder } from "../../gen/colloquy/v1/message_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { conversationLine, imported, messageLine, moment } from "../support/calls/transfer.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

const COUNT = 23;

let server: StoreServer;
let tenant: TestTenant;
let key: Clients;
let crowded = "";

/** All of one moment: conversations, messages with one text, all deleted or not; all take part from one entry on. */
beforeAll(async () => {
  server = await startStoreServer();
  tenant = await server.tenant();
  key = tenant.key();
  const names = Array.from({ length: COUNT }, (_, n) => ({ memberId: `m-${n}`, joinSeq: "1" }));
  const fields = { updateTime: moment(1) };
  const lines = names.flatMap((_, n) => {
    const id = newId();
    crowded = id;
    return [
      conversationLine(id, fields, names),
      messageLine(id, `a-${n}`, { content: "same words" }),
      messageLine(id, `b-${n}`, { content: "gone", deleteTime: moment(1) }),
    ];
  });
  for (let n = 0; n < COUNT; n++) lines.push(messageLine(crowded, `c-${n}`, { content: "same words" }));
  expect(await imported(key, lines)).toMatchObject({ errors: [] });
}, 120_000);
afterAll(() => server.close());

interface Page {
  readonly ids: readonly string[];
  readonly nextPageToken: string;
}
type Ask = { pageSize: number; pageToken: string };

const byActivity = { order: ConversationOrder.LATEST_ACTIVITY_FIRST };
const conversations =
  (request: object, as: () => Clients = () => key) =>
  async (ask: Ask): Promise<Page> => {
    const page = await as().conversations.listConversations({ ...request, ...ask });
    return { ids: page.conversations.map(({ id }) => id), nextPageToken: page.nextPageToken };
  };
const ofMember = () => tenant.member("m-3");
const deleted =
  (order: MessageOrder, conversationId = "-") =>
  async (ask: Ask): Promise<Page> => {
    const page = await key.messages.listMessages({ conversationId, deleted: DeletedFilter.ONLY, order, ...ask });
    return { ids: page.messages.map(({ id }) => id), nextPageToken: page.nextPageToken };
  };

const LISTS: readonly [string, number, (ask: Ask) => Promise<Page>][] = [
  ["conversations, newest first", COUNT, conversations({})],
  ["conversations, oldest first", COUNT, conversations({ order: ConversationOrder.OLDEST_FIRST })],
  ["conversations by activity", COUNT, conversations(byActivity)],
  ["a member's conversations", COUNT, conversations({}, ofMember)],
  ["a member's conversations by activity", COUNT, conversations(byActivity, ofMember)],
  ["a member's conversations, counted", COUNT, conversations({ includeTotalSize: true }, ofMember)],
  [
    "participants",
    COUNT,
    async (ask) => {
      const page = await key.participants.listParticipants({ conversationId: crowded, ...ask });
      return { ids: page.participants.map(({ memberId }) => memberId), nextPageToken: page.nextPageToken };
    },
  ],
  [
    "messages",
    COUNT + 1,
    async (ask) => {
      const page = await key.messages.listMessages({ conversationId: crowded, ...ask });
      return { ids: page.messages.map(({ id }) => id), nextPageToken: page.nextPageToken };
    },
  ],
  ["deleted messages, newest first", COUNT, deleted(MessageOrder.NEWEST_FIRST)],
  ["deleted messages, oldest first", COUNT, deleted(MessageOrder.OLDEST_FIRST)],
  [
    "matches of one score",
    2 * COUNT,
    async (ask) => {
      const page = await key.messages.searchMessages({ query: "same words", ...ask });
      return { ids: page.matches.map(({ message }) => message?.id ?? ""), nextPageToken: page.nextPageToken };
    },
  ],
];

async function all(list: (ask: Ask) => Promise<Page>, pageSize: number): Promise<string[]> {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await list({ pageSize, pageToken });
    found.push(...page.ids);
    expect(found.length).toBeLessThan(200);
    if (page.nextPageToken === "") return found;
    pageToken = page.nextPageToken;
  }
}

test.each(LISTS)("F-PAGE-TIES: %s come once each, %i of them, in one order", async (_, count, list) => {
  const whole = await all(list, 200);
  expect(new Set(whole).size).toBe(count);
  for (const pageSize of [1, 2, 5, 7, count - 1, count]) expect(await all(list, pageSize)).toEqual(whole);
});

test("F-PAGE-TIES: the keys are indeed shared", async () => {
  const { conversations: some } = await key.conversations.listConversations({});
  expect(new Set(some.map(({ createTime }) => createTime && timestampMs(createTime))).size).toBe(1);
  expect(new Set(some.map(({ updateTime }) => updateTime && timestampMs(updateTime))).size).toBe(1);
  const { matches } = await key.messages.searchMessages({ query: "same words" });
  expect(new Set(matches.map(({ score }) => score)).size).toBe(1);
});
