// Lists are in the order that they name, whatever ids came with an import.
import { randomUUID } from "node:crypto";
import { timestampFromDate, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationOrder } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageOrder } from "../../gen/colloquy/v1/message_service_pb.ts";
import { conversationLine, imported, messageLine } from "../support/calls/transfer.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

/** Ids that tell nothing of a time, or a wrong one. */
const ids = [
  () => randomUUID(),
  () => `ffffffff-ffff-7fff-bfff-${randomUUID().slice(-12)}`,
  () => `00000000-0000-7000-8000-${randomUUID().slice(-12)}`,
];

const YEARS = [2021, 2019, 2025, 2020, 2024, 2022, 2023];
const time = (year: number, second = 0) => new Date(Date.UTC(year, 5, 1, 0, 0, second)).toISOString();

/** A conversation for each year, whose title is the year, with a message; all of ann, who owns half of them. */
async function history(makeId: () => string): Promise<{ tenant: TestTenant; ids: Map<number, string> }> {
  const tenant = await server.tenant("ann", "eve");
  await tenant.addMembers({ boss: { role: "manager" } });
  await tenant.addMembers({ bob: { manager: "boss" } });
  const made = new Map(YEARS.map((year) => [year, makeId()]));
  const lines = [...made].flatMap(([year, id], n) => [
    conversationLine(
      id,
      {
        ...{ title: String(year), createTime: time(year), ownerId: n % 2 ? "ann" : "bob", creator: { id: "eve" } },
        ...{ entityType: "order", entityId: "7", agent: "x" },
      },
      [{ memberId: "ann" }, { memberId: "bob" }],
    ),
    messageLine(id, makeId(), { createTime: time(year, 1), content: String(year), deleteTime: time(year, 2) }),
  ]);
  expect(await imported(tenant.key(), lines)).toMatchObject({ errors: [] });
  return { tenant, ids: made };
}

async function years({ conversations }: Clients, request: object, pageSize: number): Promise<number[]> {
  const found: number[] = [];
  for (let pageToken = ""; ; ) {
    const page = await conversations.listConversations({ ...request, pageSize, pageToken });
    found.push(...page.conversations.map(({ title }) => Number(title)));
    if (page.nextPageToken === "") return found;
    pageToken = page.nextPageToken;
  }
}

describe.each(ids.map((make) => [make().slice(0, 15), make] as const))("F-ORDER: of ids like %s", (_, makeId) => {
  test("F-ORDER: conversations come by the time of their creation, for every viewer, filter, order and page size", async () => {
    const { tenant } = await history(makeId);
    const rising = YEARS.toSorted();
    const filters = [
      { entityType: "order", entityId: "7" },
      { creator: { id: "eve" } },
      { participantId: "ann" },
      { agent: "x" },
    ];
    const viewers: [Clients, object][] = [
      [tenant.key(), {}],
      [tenant.member("ann"), {}],
      [tenant.member("boss", "manager"), {}],
      ...filters.map((filter): [Clients, object] => [tenant.key(), filter]),
      [tenant.key(), { memberId: "ann" }],
      [tenant.member("bob"), { includeTotalSize: true }],
    ];
    for (const [clients, filter] of viewers) {
      for (const pageSize of [1, 3, 50]) {
        const request = (order: ConversationOrder) => ({ ...filter, order });
        expect(await years(clients, request(ConversationOrder.NEWEST_FIRST), pageSize)).toEqual(rising.toReversed());
        expect(await years(clients, request(ConversationOrder.OLDEST_FIRST), pageSize)).toEqual(rising);
      }
    }
    const owned = YEARS.filter((_, n) => n % 2).toSorted();
    expect(await years(tenant.key(), { ownerId: "ann" }, 2)).toEqual(owned.toReversed());
    const skipped = await tenant.key().conversations.listConversations({ skip: 2, pageSize: 2 });
    expect(skipped.conversations.map(({ title }) => title)).toEqual(["2023", "2022"]);
  });

  test("F-ORDER: deleted conversations, deleted messages, exports and numbers too", async () => {
    const { tenant, ids: made } = await history(makeId);
    const key = tenant.key();
    const allDeleted = { conversationId: "-", deleted: DeletedFilter.ONLY };
    for (const order of [MessageOrder.NEWEST_FIRST, MessageOrder.OLDEST_FIRST]) {
      for (const pageSize of [1, 2, 50]) {
        const found: number[] = [];
        for (let pageToken = ""; ; ) {
          const page = await key.messages.listMessages({ ...allDeleted, order, pageSize, pageToken });
          found.push(...page.messages.map(({ content }) => Number(content)));
          pageToken = page.nextPageToken;
          if (pageToken === "") break;
        }
        const rising = YEARS.toSorted();
        expect(found).toEqual(order === MessageOrder.OLDEST_FIRST ? rising : rising.toReversed());
      }
    }
    const { numbers } = await key.conversations.assignConversationNumbers({ conversationIds: [...made.values()] });
    const byId = new Map(numbers.map(({ conversationId, number }) => [conversationId, number]));
    const inOrder = YEARS.toSorted().map((year) => byId.get(made.get(year) ?? ""));
    expect(inOrder).toEqual(inOrder.map((_, n) => BigInt(n + 1)));
    for (const id of made.values()) await key.conversations.deleteConversation({ conversationId: id });
    expect(await years(key, { deleted: DeletedFilter.ONLY }, 2)).toEqual(YEARS.toSorted().toReversed());
    const titles: number[] = [];
    for await (const { record } of key.transfer.exportConversations({})) {
      if (record?.kind.case === "conversation") titles.push(Number(record.kind.value.conversation?.title));
    }
    expect(titles).toEqual(YEARS.toSorted());
  });
});

test("F-ORDER: what is made here stands among what was imported, by its time", async () => {
  const { tenant } = await history(ids[1] as () => string);
  const key = tenant.key();
  await key.conversations.createConversation({ conversation: { title: "3000" }, participantIds: ["ann"] });
  expect((await years(tenant.member("ann"), {}, 2))[0]).toBe(3000);
  const { conversations } = await key.conversations.listConversations({});
  const times = conversations.map(({ createTime }) => timestampMs(createTime ?? timestampFromDate(new Date(0))));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
});
