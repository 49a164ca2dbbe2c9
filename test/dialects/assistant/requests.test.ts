// Every field and parameter of the assistant API: its default, its bounds, and past them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type DialectServer, type HttpAnswer, startDialects } from "../../support/servers/dialect-server.ts";
import { expectError, expectHeaders, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant");
});
afterAll(() => server.close());

const post = (body: object) => server.http("POST", PATH, { body });
const put = (body: object) => server.http("PUT", PATH, { body });
const list = async (userId: string) => (await server.http("GET", `${PATH}?userId=${userId}`)).json.conversations;

async function create(userId: string, more: object = {}): Promise<string> {
  const answer = await post({ userId, ...more });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.conversation.id;
}

describe("S2-1 GET", () => {
  test("answers newest first, all of the user's and nobody else's", async () => {
    const [user, other] = [randomUUID(), randomUUID()];
    const ids = [
      await create(user, { title: "a" }),
      await create(user, { title: "b" }),
      await create(user, { title: "c" }),
    ];
    await create(other, { title: "theirs" });
    expect((await list(user)).map((c: { id: string }) => c.id)).toEqual(ids.reverse());
  });

  test("knows no difference between a user without conversations and one never seen", async () => {
    const answer = await server.http("GET", `${PATH}?userId=${randomUUID()}`);
    expect(answer.json).toEqual({ success: true, conversations: [], count: 0, requestId: expect.any(String) });
  });

  test.each([
    ["missing", ""],
    ["empty", "?userId="],
    ["no UUID", "?userId=user-123"],
    ["too short", "?userId=550e8400-e29b-41d4-a716-44665544000"],
  ])("needs userId: %s", async (_, query) => {
    expectError(await server.http("GET", PATH + query), 400, "VALIDATION_ERROR", { field: "userId" });
  });

  test("takes a UUID in either case for the same user", async () => {
    const user = randomUUID();
    const id = await create(user.toUpperCase());
    expect(await list(user)).toMatchObject([{ id, userId: user }]);
  });

  test("ignores parameters that it does not know", async () => {
    expect((await server.http("GET", `${PATH}?userId=${randomUUID()}&_=1&userId2=x`)).status).toBe(200);
  });

  test("serves the path with a slash at its end, and HEAD", async () => {
    expect((await server.http("GET", `${PATH}/?userId=${randomUUID()}`)).status).toBe(200);
    const head = await server.http("HEAD", `${PATH}?userId=${randomUUID()}`);
    expect([head.status, head.text, head.headers.get("x-ratelimit-remaining")]).toEqual([200, "", "99"]);
  });
});

describe("S2-2 POST", () => {
  test("needs the user alone; all else has a default", async () => {
    const userId = randomUUID();
    const answer = await post({ userId });
    expectHeaders(answer);
    expect(answer.json.conversation).toMatchObject({ title: "", messages: [] });
    expect(await list(userId)).toEqual([
      {
        id: answer.json.conversation.id,
        title: "",
        messages: [],
        createdAt: expect.any(Number),
        updatedAt: expect.any(Number),
        isPinned: false,
        userId,
        agentId: null,
        mode: null,
      },
    ]);
  });

  test("tells times in milliseconds since 1970", async () => {
    const before = Date.now();
    const { createdAt, updatedAt } = (await post({ userId: randomUUID() })).json.conversation;
    for (const time of [createdAt, updatedAt]) {
      expect(time).toBeGreaterThanOrEqual(before - 1000);
      expect(time).toBeLessThanOrEqual(Date.now() + 1000);
    }
  });

  test("keeps role, content and time of messages, and gives those without a time the server's", async () => {
    const userId = randomUUID();
    const messages = [
      { role: "system", content: "Be kind.", timestamp: 0 },
      { role: "user", content: "Hëllo 👋\n", timestamp: 1700000000123 },
      { role: "assistant", content: "" },
    ];
    const before = Date.now();
    const { conversation } = (await post({ userId, messages })).json;
    const taken = conversation.messages[2].timestamp;
    expect(taken).toBeGreaterThanOrEqual(before - 1000);
    const kept = [messages[0], messages[1], { ...messages[2], timestamp: taken }];
    expect(conversation.messages).toEqual(kept);
    expect((await list(userId))[0].messages).toEqual(kept);
  });

  test("takes any text for agentId and mode", async () => {
    const userId = randomUUID();
    await create(userId, { agentId: "a".repeat(200), mode: "m".repeat(100), title: "t".repeat(500), isPinned: true });
    expect(await list(userId)).toMatchObject([
      { agentId: "a".repeat(200), mode: "m".repeat(100), title: "t".repeat(500), isPinned: true },
    ]);
  });

  test("takes null for unset", async () => {
    const answer = await post({
      userId: randomUUID(),
      title: null,
      agentId: null,
      mode: null,
      messages: null,
      isPinned: null,
    });
    expect(answer.status).toBe(201);
  });

  test("ignores fields that it does not know, in messages too", async () => {
    const messages = [{ role: "user", content: "a", id: 7, extra: { deep: [] } }];
    const answer = await post({ userId: randomUUID(), messages, folder: "x", id: 1 });
    expect(answer.json.conversation.messages).toMatchObject([{ role: "user", content: "a" }]);
  });

  test("knows fields and parameters by the names of its document alone", async () => {
    const userId = randomUUID();
    const own = { userId, agentId: "bot", isPinned: true };
    const answer = await post({ ...own, user_id: 5, agent_id: {}, is_pinned: "no" });
    expect(answer.status, answer.text).toBe(201);
    const listed = await server.http("GET", `${PATH}?userId=${userId}&user_id=${randomUUID()}`);
    expect(listed.json.conversations).toMatchObject([own]);
  });

  const role = (value: unknown) => ({ messages: [{ role: value, content: "" }] });
  const time = (timestamp: unknown) => ({ messages: [{ role: "user", content: "", timestamp }] });
  test.each<[string, object, string]>([
    ["userId of another type", { userId: 1 }, "userId"],
    ["userId null", { userId: null }, "userId"],
    ["a long title", { title: "t".repeat(501) }, "title"],
    ["a title of another type", { title: 1 }, "title"],
    ["a long agentId", { agentId: "a".repeat(201) }, "agentId"],
    ["a long mode", { mode: "m".repeat(101) }, "mode"],
    ["isPinned of another type", { isPinned: "yes" }, "isPinned"],
    ["messages of another type", { messages: {} }, "messages"],
    ["a message of another type", { messages: ["Hello"] }, "messages[0]"],
    ["an unknown role", role("robot"), "messages[0].role"],
    ["no role", role(undefined), "messages[0].role"],
    ["long content", { messages: [{ role: "user", content: "x".repeat(262_145) }] }, "messages[0].content"],
    ["a time that is no number", time("yesterday"), "messages[0].timestamp"],
    ["a part of a millisecond", time(1.5), "messages[0].timestamp"],
    ["a time past year 9999", time(253402300800000), "messages[0].timestamp"],
    ["a NUL in the title", { title: "a\u0000b" }, "title"],
  ])("refuses %s", async (_, change, field) => {
    expectError(await post({ userId: randomUUID(), ...change }), 400, "VALIDATION_ERROR", { field });
  });

  test("refuses messages in the role of a tool", async () => {
    expectError(await post({ userId: randomUUID(), ...role("tool") }), 400, "VALIDATION_ERROR");
  });

  test("takes the largest content", async () => {
    const content = "x".repeat(262_144);
    const { conversation } = (await post({ userId: randomUUID(), messages: [{ role: "user", content }] })).json;
    expect(conversation.messages[0].content).toBe(content);
  });

  test("acts once for one Idempotency-Key", async () => {
    const body = { userId: randomUUID(), title: "once" };
    const send = () => server.http("POST", PATH, { body, headers: { "idempotency-key": "k1" } });
    const [first, second] = [await send(), await send()];
    expect([second.status, second.json.conversation]).toEqual([201, first.json.conversation]);
    expect(await list(body.userId)).toHaveLength(1);
  });
});

describe("S2-3 PUT", () => {
  const MESSAGES = [
    { role: "user", content: "one", timestamp: 1 },
    { role: "assistant", content: "two", timestamp: 2 },
    { role: "user", content: "three", timestamp: 3 },
  ];
  const original = { title: "Title", messages: MESSAGES, isPinned: true, agentId: "a", mode: "m" };

  test.each<[string, object]>([
    ["the title", { title: "Other" }],
    ["an empty title", { title: "" }],
    ["isPinned", { isPinned: false }],
    ["messages", { messages: [{ role: "user", content: "new", timestamp: 9 }] }],
    ["an empty list of messages", { messages: [] }],
    ["nothing", {}],
    ["nothing, said with nulls", { title: null, messages: null, isPinned: null }],
  ])("changes only what is given: %s", async (_, change) => {
    const userId = randomUUID();
    const conversationId = await create(userId, original);
    const answer = await put({ userId, conversationId, ...change });
    expect(answer.status).toBe(200);
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null));
    expect(await list(userId)).toMatchObject([{ ...original, ...given }]);
    expect(answer.json.conversation).toEqual({
      id: conversationId,
      title: { ...original, ...given }.title,
      messages: { ...original, ...given }.messages,
      updatedAt: expect.any(Number),
    });
  });

  test("makes messages the whole list, as a difference by position", async () => {
    const userId = randomUUID();
    const conversationId = await create(userId, original);
    const key = (await server.tenant.key("read", "write")).credential;
    const messages = server.server.client(MessageService, key);
    const before = (await messages.listMessages({ conversationId })).messages;
    await put({ userId, conversationId, messages: [MESSAGES[0], { role: "assistant", content: "2", timestamp: 2 }] });
    const [first, second, ...rest] = (await messages.listMessages({ conversationId })).messages;
    expect(rest).toEqual([]);
    expect(first).toEqual(before[0]);
    expect([second?.id, second?.content, second?.revision]).toEqual([before[1]?.id, "2", 1]);
    const { revisions } = await messages.listMessageRevisions({ messageId: before[1]!.id });
    expect(revisions.map(({ content }) => content)).toEqual(["two"]);
    const deleted = await messages.listMessages({ conversationId, deleted: DeletedFilter.ONLY });
    expect(deleted.messages.map(({ content }) => content)).toEqual(["three"]);
  });

  test("leaves messages as they are that are sent back as they were read, also without times of their own", async () => {
    const userId = randomUUID();
    const conversationId = await create(userId, {
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "b" },
      ],
    });
    const [{ messages, updatedAt }] = await list(userId);
    await put({ userId, conversationId, messages });
    expect(await list(userId)).toMatchObject([{ messages, updatedAt }]);
  });

  test("takes back messages of a tool that another API wrote", async () => {
    const userId = randomUUID();
    const conversationId = await create(userId);
    const key = (await server.tenant.key("read", "write")).credential;
    await server.server
      .client(MessageService, key)
      .sendMessage({ conversationId, message: { role: 4, content: "42" } });
    const [{ messages }] = await list(userId);
    expect(messages).toMatchObject([{ role: "tool", content: "42" }]);
    expect((await put({ userId, conversationId, messages })).status).toBe(200);
  });

  test("changes nothing if anything is wrong", async () => {
    const userId = randomUUID();
    const conversationId = await create(userId, original);
    const messages = [...MESSAGES.slice(0, 2), { role: "robot", content: "" }];
    expectError(await put({ userId, conversationId, title: "Other", messages }), 400, "VALIDATION_ERROR", {
      field: "messages[2].role",
    });
    expect(await list(userId)).toMatchObject([original]);
  });

  test("loses no message when two write at once", async () => {
    const userId = randomUUID();
    const conversationId = await create(userId);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        put({ userId, conversationId, messages: [{ role: "user", content: `${i}`, timestamp: i }] }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    const key = (await server.tenant.key("read", "write")).credential;
    const client = server.server.client(MessageService, key);
    const [message] = (await client.listMessages({ conversationId })).messages;
    const { revisions } = await client.listMessageRevisions({ messageId: message!.id });
    const seen = [...revisions.map(({ content }) => content), message!.content];
    expect(seen.sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7"]);
  });
});

describe("S2-3 S2-4 the conversation that PUT and DELETE name", () => {
  const methods = [["PUT"], ["DELETE"]] as const;
  const send = (method: string, body: object): Promise<HttpAnswer> => server.http(method, PATH, { body });

  test.each(methods)("%s needs a user and a conversation", async (method) => {
    const [userId, conversationId] = [randomUUID(), randomUUID()];
    expectError(await send(method, { conversationId }), 400, "VALIDATION_ERROR", { field: "userId" });
    expectError(await send(method, { userId: "x", conversationId }), 400, "VALIDATION_ERROR", { field: "userId" });
    expectError(await send(method, { userId }), 400, "VALIDATION_ERROR", { field: "conversationId" });
    expectError(await send(method, { userId, conversationId: 7 }), 400, "VALIDATION_ERROR", {
      field: "conversationId",
    });
    expectError(await server.http(method, PATH), 400, "VALIDATION_ERROR", { field: "userId" });
  });

  test.each(methods)("%s does not find what is unknown, foreign or no UUID", async (method) => {
    const [userId, other] = [randomUUID(), randomUUID()];
    const foreign = await create(other, { title: "theirs" });
    for (const conversationId of [randomUUID(), foreign, "conv-123", "x".repeat(300)]) {
      expectError(await send(method, { userId, conversationId }), 404, "NOT_FOUND", {}, "Conversation not found");
    }
    expect(await list(other)).toMatchObject([{ id: foreign, title: "theirs" }]);
  });

  test.each(methods)("%s does not find a conversation in which the user only takes part", async (method) => {
    const [owner, guest] = [randomUUID(), randomUUID()];
    const conversationId = await create(owner);
    await server.tenant.addMember(guest);
    const text = "insert into participant (tenant_id, conversation_id, member_id, join_seq) values ($1, $2, $3, 0)";
    await server.server.database.query({ name: "test_guest", text }, [server.tenant.id, conversationId, guest]);
    expectError(await send(method, { userId: guest, conversationId }), 404, "NOT_FOUND");
    expect(await list(guest)).toEqual([]);
  });

  test("DELETE twice is not found the second time", async () => {
    const userId = randomUUID();
    const body = { userId, conversationId: await create(userId) };
    expect((await send("DELETE", body)).status).toBe(200);
    expectError(await send("DELETE", body), 404, "NOT_FOUND");
    expectError(await send("PUT", body), 404, "NOT_FOUND");
  });

  test("DELETE with one Idempotency-Key answers a repeat as it did first", async () => {
    const userId = randomUUID();
    const call = { body: { userId, conversationId: await create(userId) }, headers: { "idempotency-key": "gone" } };
    expect((await server.http("DELETE", PATH, call)).status).toBe(200);
    expect((await server.http("DELETE", PATH, call)).status).toBe(200);
  });
});
