// Answers are cut by bytes, whatever they list: every page is below what clients of gRPC take, and none is left out.
import { randomUUID } from "node:crypto";
import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as conversations from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { EventService, ListEventsResponseSchema } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import * as messages from "../../gen/colloquy/v1/message_service_pb.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

vi.setConfig({ testTimeout: 240_000 });

/** What grpc-go, grpc-java, grpc-js and grpcio take unless told otherwise. */
const CLIENTS_TAKE = 4 << 20;
const LONG = "long ".repeat(50 * 1024);
/** 16 KiB of JSON, and seven times as much in the binary form. */
const DENSE = { a: Array.from({ length: 8_000 }, () => 1) };
const MESSAGES = 18;

let server: IdentityServer;
let id: string;
let clients: ReturnType<typeof clientsOf>;

function clientsOf(credential: Readonly<Record<string, string>>) {
  return {
    conversations: server.client(conversations.ConversationService, credential, "grpc"),
    events: server.client(EventService, credential, "grpc"),
    messages: server.client(messages.MessageService, credential, "grpc"),
  };
}

beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  clients = clientsOf((await tenant.key("read", "write", "admin")).credential);
  const { conversation } = await clients.conversations.createConversation({ conversation: { title: "long" } });
  id = conversation!.id;
  for (let i = 0; i < MESSAGES; i++) {
    const message = { content: `${i} ${LONG}`.slice(0, 250 * 1024), metadata: DENSE };
    await clients.messages.sendMessage({ conversationId: id, message });
  }
}, 240_000);
afterAll(() => server.close());

interface Page {
  readonly nextPageToken: string;
}

/** All pages of a list, each below what clients take. */
async function pages<P extends Page & Message>(
  schema: DescMessage,
  read: (pageToken: string) => Promise<P>,
): Promise<P[]> {
  const all: P[] = [];
  let token = "";
  do {
    const page = await read(token);
    expect(toBinary(schema, page).length).toBeLessThan(CLIENTS_TAKE);
    all.push(page);
    token = page.nextPageToken;
  } while (token !== "" && all.length < 200);
  return all;
}

const numbersOf = (listed: readonly { content: string }[]) => listed.map(({ content }) => Number.parseInt(content, 10));
const inOrder = Array.from({ length: MESSAGES }, (_, i) => i);

describe("F-CUT: pages are cut by bytes, each message once", () => {
  test.each([
    ["oldest first", messages.MessageOrder.OLDEST_FIRST, MessageRole.UNSPECIFIED],
    ["newest first", messages.MessageOrder.NEWEST_FIRST, MessageRole.UNSPECIFIED],
    ["filtered", messages.MessageOrder.OLDEST_FIRST, MessageRole.USER],
  ])("of messages, %s", async (_, order, role) => {
    const all = await pages(messages.ListMessagesResponseSchema, (pageToken) =>
      clients.messages.listMessages({ conversationId: id, pageSize: 200, order, role, pageToken }),
    );
    const seen = numbersOf(all.flatMap((page) => page.messages));
    expect(order === messages.MessageOrder.NEWEST_FIRST ? seen.toReversed() : seen).toEqual(inOrder);
    expect(all.length).toBeGreaterThan(1);
    // A page is not cut shorter than need be.
    expect(all[0]!.messages.length).toBeGreaterThan(5);
  });

  test("of search, events and batches", async () => {
    const found = await pages(messages.SearchMessagesResponseSchema, (pageToken) =>
      clients.messages.searchMessages({ query: "long", pageSize: 200, pageToken }),
    );
    const seen = numbersOf(found.flatMap(({ matches }) => matches.map(({ message }) => message!)));
    expect(seen.toSorted((a, b) => a - b)).toEqual(inOrder);
    const log = await pages(ListEventsResponseSchema, (pageToken) =>
      clients.events.listEvents({ conversationId: id, pageSize: 200, pageToken }),
    );
    expect(log.flatMap(({ events }) => events.map(({ seq }) => Number(seq)))).toEqual(inOrder.map((i) => i + 1));
    const batched: number[] = [];
    let afterSeq = 0n;
    for (let calls = 0; calls < 50; calls++) {
      const answer = await clients.messages.batchListMessages({ conversationIds: [id], afterSeq });
      expect(toBinary(messages.BatchListMessagesResponseSchema, answer).length).toBeLessThan(CLIENTS_TAKE);
      batched.push(...numbersOf(answer.conversations.flatMap((one) => one.messages)));
      if (answer.remainingIds.length === 0) break;
      afterSeq = answer.nextAfterSeq;
    }
    expect(batched).toEqual(inOrder);
  });

  test("of revisions, and of deleted messages", async () => {
    const { conversation } = await clients.conversations.createConversation({});
    const conversationId = conversation!.id;
    const { message } = await clients.messages.sendMessage({ conversationId, message: { content: LONG } });
    for (let i = 0; i < 16; i++) {
      await clients.messages.updateMessage({
        messageId: message!.id,
        message: { content: `${i} ${LONG}`, metadata: DENSE },
        updateMask: { paths: ["content", "metadata"] },
      });
    }
    const revisions = await pages(messages.ListMessageRevisionsResponseSchema, (pageToken) =>
      clients.messages.listMessageRevisions({ messageId: message!.id, pageSize: 200, pageToken }),
    );
    const seen = revisions.flatMap((page) => page.revisions.map(({ revision }) => revision));
    expect(seen).toEqual(Array.from({ length: 16 }, (_, i) => i));
    for (let i = 0; i < MESSAGES; i++) {
      await clients.messages.sendMessage({ conversationId, message: { content: `${i} ${LONG}` } });
    }
    await clients.messages.deleteAllMessages({ conversationId });
    const deleted = await pages(messages.ListMessagesResponseSchema, (pageToken) =>
      clients.messages.listMessages({ conversationId, deleted: DeletedFilter.ONLY, pageSize: 200, pageToken }),
    );
    expect(deleted.flatMap((page) => page.messages)).toHaveLength(MESSAGES + 1);
  });

  test("of conversations, listed and named", async () => {
    const ids: string[] = [];
    const owner = randomUUID();
    for (let i = 0; i < 16; i++) {
      const free = { metadata: DENSE, persona: DENSE, profileInfo: DENSE };
      const { conversation } = await clients.conversations.createConversation({
        conversation: { title: owner, agent: owner, ...free },
      });
      ids.push(conversation!.id);
    }
    const listed = await pages(conversations.ListConversationsResponseSchema, (pageToken) =>
      clients.conversations.listConversations({ agent: owner, pageSize: 200, pageToken }),
    );
    expect(listed.flatMap((page) => page.conversations.map((one) => one.id)).toReversed()).toEqual(ids);
    const got: string[] = [];
    for (let rest = ids, calls = 0; rest.length > 0 && calls < 30; calls++) {
      const answer = await clients.conversations.batchGetConversations({ conversationIds: rest });
      expect(toBinary(conversations.BatchGetConversationsResponseSchema, answer).length).toBeLessThan(CLIENTS_TAKE);
      got.push(...answer.conversations.map((one) => one.id));
      rest = answer.remainingIds;
    }
    expect(got).toEqual(ids);
  });
});

test("F-CUT: a batch whose answer would be more than clients take is refused before anything of it is stored", async () => {
  const { conversation } = await clients.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const batch = (each: number) =>
    clients.messages.batchSendMessages({
      conversationId,
      messages: Array.from({ length: 100 }, () => ({ content: "x".repeat(each) })),
    });
  const most = Math.floor(CLIENTS_TAKE / 100) - 1024;
  await expect(batch(most + 1)).rejects.toThrow(
    "messages: must be at most 4194304 bytes of content and metadata together, less 1024 for each",
  );
  const { messages: none } = await clients.messages.listMessages({ conversationId, pageSize: 1 });
  expect(none).toEqual([]);
  const answer = await batch(most);
  expect(answer.messages.length).toBe(100);
  expect(toBinary(messages.BatchSendMessagesResponseSchema, answer).length).toBeLessThan(CLIENTS_TAKE);
});
