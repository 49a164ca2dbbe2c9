// F-CUT: pages are cut by the bytes of their larger form: a control character is one byte in Protobuf, and six in JSON.
import {
  create,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as conversations from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService, ListEventsResponseSchema } from "../../gen/colloquy/v1/event_service_pb.ts";
import * as messages from "../../gen/colloquy/v1/message_service_pb.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

vi.setConfig({ testTimeout: 240_000 });

/** What clients of gRPC take unless told otherwise; JSON has the same bound. */
const CLIENTS_TAKE = 4 << 20;
const MESSAGES = 7;
/** 250 KiB in Protobuf, and 1.4 MiB in JSON. */
const ESCAPED = `long ${"\u0001".repeat(250 * 1024)}`;

let server: IdentityServer;
let credential: Credential;
let clients: ReturnType<typeof clientsOf>;

function clientsOf(key: Credential) {
  return {
    conversations: server.client(conversations.ConversationService, key, "grpc"),
    events: server.client(EventService, key, "grpc"),
    messages: server.client(messages.MessageService, key, "grpc"),
  };
}

beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  credential = (await tenant.key("read", "write", "admin")).credential;
  clients = clientsOf(credential);
});
afterAll(() => server.close());

async function newConversation(): Promise<string> {
  return (await clients.conversations.createConversation({})).conversation!.id;
}

function expectToFit(schema: DescMessage, answer: Message): void {
  expect(toBinary(schema, answer).length).toBeLessThan(CLIENTS_TAKE);
  const json = toJsonString(schema, answer, { alwaysEmitImplicit: true });
  expect(Buffer.byteLength(json)).toBeLessThan(CLIENTS_TAKE);
}

async function pages<P extends Message & { readonly nextPageToken: string }>(
  schema: DescMessage,
  read: (pageToken: string) => Promise<P>,
): Promise<P[]> {
  const all: P[] = [];
  let token = "";
  do {
    const page = await read(token);
    expectToFit(schema, page);
    all.push(page);
    token = page.nextPageToken;
  } while (token !== "" && all.length < 200);
  return all;
}

const numbersOf = (listed: readonly { content: string }[]) => listed.map(({ content }) => Number.parseInt(content, 10));
const inOrder = Array.from({ length: MESSAGES }, (_, i) => i);

describe("F-CUT: no page is more than clients take, as JSON", () => {
  test("of messages, search, events and batches", async () => {
    const conversationId = await newConversation();
    for (const i of inOrder) {
      await clients.messages.sendMessage({ conversationId, message: { content: `${i} ${ESCAPED}` } });
    }
    const listed = await pages(messages.ListMessagesResponseSchema, (pageToken) =>
      clients.messages.listMessages({ conversationId, pageSize: 200, pageToken }),
    );
    expect(numbersOf(listed.flatMap((page) => page.messages))).toEqual(inOrder);
    // A page is not cut shorter than need be.
    expect(listed[0]!.messages.length).toBe(2);
    const found = await pages(messages.SearchMessagesResponseSchema, (pageToken) =>
      clients.messages.searchMessages({ query: "long", conversationId, pageSize: 200, pageToken }),
    );
    const matched = numbersOf(found.flatMap(({ matches }) => matches.map(({ message }) => message!)));
    expect(matched.toSorted((a, b) => a - b)).toEqual(inOrder);
    const log = await pages(ListEventsResponseSchema, (pageToken) =>
      clients.events.listEvents({ conversationId, pageSize: 200, pageToken }),
    );
    expect(log.flatMap(({ events }) => events.map(({ seq }) => Number(seq)))).toEqual(inOrder.map((i) => i + 1));
    const batched: number[] = [];
    let afterSeq = 0n;
    for (let calls = 0; calls < 50; calls++) {
      const answer = await clients.messages.batchListMessages({ conversationIds: [conversationId], afterSeq });
      expectToFit(messages.BatchListMessagesResponseSchema, answer);
      batched.push(...numbersOf(answer.conversations.flatMap((one) => one.messages)));
      if (answer.remainingIds.length === 0) break;
      afterSeq = answer.nextAfterSeq;
    }
    expect(batched).toEqual(inOrder);
  });

  test("of revisions and replies", async () => {
    const conversationId = await newConversation();
    const { message } = await clients.messages.sendMessage({ conversationId, message: { content: ESCAPED } });
    const messageId = message!.id;
    for (const i of inOrder) {
      const changed = { content: `${i} ${ESCAPED}` };
      await clients.messages.updateMessage({ messageId, message: changed, updateMask: { paths: ["content"] } });
      await clients.messages.sendMessage({ conversationId, message: { ...changed, replyTo: messageId } });
    }
    const revisions = await pages(messages.ListMessageRevisionsResponseSchema, (pageToken) =>
      clients.messages.listMessageRevisions({ messageId, pageSize: 200, pageToken }),
    );
    expect(revisions.flatMap((page) => page.revisions.map(({ revision }) => revision))).toEqual(inOrder);
    const replies = await pages(messages.ListRepliesResponseSchema, (pageToken) =>
      clients.messages.listReplies({ messageId, pageSize: 200, pageToken }),
    );
    expect(numbersOf(replies.flatMap((page) => page.messages))).toEqual(inOrder);
  });
});

/** Pages of one conversation, as they come: the bytes of each body, and its messages. */
interface Read {
  readonly bytes: readonly number[];
  readonly lengths: readonly number[];
  readonly contents: readonly string[];
}

type Ask = (url: string, conversationId: string, pageToken: string) => Promise<Response>;

const schema = messages.ListMessagesRequestSchema;
const LIST = `/${messages.MessageService.typeName}/ListMessages`;
const post = (type: string, url: string, body: Uint8Array<ArrayBuffer> | string) =>
  fetch(url + LIST, { method: "POST", headers: { ...credential, "content-type": type }, body });

const WIRES: Readonly<Record<string, Ask>> = {
  "Connect JSON": (url, conversationId, pageToken) =>
    post("application/json", url, JSON.stringify({ conversationId, pageSize: 200, pageToken })),
  REST: (url, conversationId, pageToken) => {
    const query = new URLSearchParams({ page_size: "200", page_token: pageToken });
    return fetch(`${url}/v1/conversations/${conversationId}/messages?${query}`, { headers: credential });
  },
  Protobuf: (url, conversationId, pageToken) =>
    post(
      "application/proto",
      url,
      new Uint8Array(toBinary(schema, create(schema, { conversationId, pageSize: 200, pageToken }))),
    ),
};

async function readAll(ask: Ask, url: string, conversationId: string): Promise<Read> {
  const bytes: number[] = [];
  const lengths: number[] = [];
  const contents: string[] = [];
  let token = "";
  do {
    const response = await ask(url, conversationId, token);
    expect(response.status).toBe(200);
    const body = Buffer.from(await response.arrayBuffer());
    const page = response.headers.get("content-type")?.includes("json")
      ? (JSON.parse(body.toString()) as JsonObject)
      : (fromBinary(messages.ListMessagesResponseSchema, body) as unknown as JsonObject);
    const listed = (page.messages ?? []) as { content?: string }[];
    bytes.push(body.length);
    lengths.push(listed.length);
    contents.push(...listed.map(({ content = "" }) => content));
    token = (page.nextPageToken as string | undefined) ?? "";
  } while (token !== "" && lengths.length < 200);
  return { bytes, lengths, contents };
}

describe("F-CUT: with any contents", () => {
  let plain: IdentityServer;
  beforeAll(async () => {
    plain = await startIdentityServer({ beside: server, environment: { COLLOQUY_CACHE_SIZE: "0" } });
  });
  afterAll(() => plain.close());

  // Characters that take more in one form than in the other, and such that take none.
  const control = fc.constantFrom("\u0001", "\u0002", "\u001f");
  const other = fc.constantFrom("a", "\n", '"', "\\", "\u007f", "é", "\u2028", "😀", "\u{10ffff}", "\ufffd", "\u200d");
  const unit = fc.oneof({ arbitrary: control, weight: 2 }, { arbitrary: other, weight: 1 });
  const size = fc.oneof(fc.nat(2_000), { arbitrary: fc.integer({ min: 100 * 1024, max: 250 * 1024 }), weight: 4 });
  const content = fc.tuple(fc.array(unit, { minLength: 1, maxLength: 4 }), size).map(([units, bytes]) => {
    const text = units.join("");
    return `x${text.repeat(Math.floor(bytes / Buffer.byteLength(text)))}`;
  });

  test("pages from memory and from the database, in each form, are the whole and fit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 8, maxLength: 16 }), async (contents) => {
        const conversationId = await newConversation();
        for (const one of contents) {
          await clients.messages.sendMessage({ conversationId, message: { content: one } });
        }
        const expected = await readAll(WIRES.Protobuf!, plain.url, conversationId);
        expect(expected.contents).toEqual(contents);
        for (const ask of Object.values(WIRES)) {
          // The third reading is of pages that are kept.
          for (const url of [plain.url, server.url, server.url, server.url]) {
            const { bytes, lengths, contents: read } = await readAll(ask, url, conversationId);
            expect(read).toEqual(contents);
            expect(lengths).toEqual(expected.lengths);
            expect(Math.max(...bytes)).toBeLessThan(CLIENTS_TAKE);
          }
        }
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });
});
