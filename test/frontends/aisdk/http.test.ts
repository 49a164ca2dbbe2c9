// The place of AI SDK's protocol in HTTP: credentials, errors in words, pages of other origins, and who sees which
// chat.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import {
  type Any,
  type ChatServer,
  chatOf,
  historyOf,
  pauses,
  post,
  request,
  startChats,
  user,
} from "../../support/fronts/ai-sdk.ts";
import { leastHeldBy } from "../../support/measure/loop-held.ts";
import { bearer } from "../../support/servers/identity-server.ts";
import { startServer } from "../../support/servers/process.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats([], { COLLOQUY_CORS: "https://app.example.com" });
  await server.tenant.addMember("bob");
});
afterAll(() => server.close());
afterEach(() => {
  server.script.length = 0;
});

describe("errors are one sentence of text", () => {
  test.each([
    ["a body that is no JSON", "{", 400, /^The body must be JSON: it breaks at position 1\.$/],
    ["no id", { messages: [user("Hi")] }, 400, "id: is missing"],
    ["no message", { id: "c", messages: [] }, 400, "messages: must not be empty"],
    [
      "an id that is too long",
      { id: "c".repeat(129), messages: [user("Hi")] },
      400,
      "id: must have 1 to 128 characters",
    ],
    [
      "a message without parts",
      { id: "c", messages: [{ id: "m", role: "user" }] },
      400,
      "messages[0].parts: is missing",
    ],
    [
      "another role",
      { id: "c", message: { ...user("Hi"), role: "tool" } },
      400,
      "message.role: must be user, assistant or system",
    ],
    [
      "a system message at the end",
      { id: "c", message: { ...user("Hi"), role: "system" } },
      400,
      "message.role: must be user or assistant in the last message",
    ],
    [
      "two messages of one id",
      { id: "c", messages: [user("One", "m"), { ...user("Hi", "r"), role: "assistant" }, user("Two", "m")] },
      400,
      "messages[2].id: must not occur twice",
    ],
    [
      "a text that is none",
      {
        id: "c",
        message: {
          ...user("Hi"),
          parts: [
            { type: "text", text: "a" },
            { type: "text", text: 5 },
          ],
        },
      },
      400,
      "message.parts[1].text: must be a string",
    ],
    [
      "a file without its address",
      { id: "c", message: { ...user("Hi"), parts: [{ type: "file", mediaType: "image/png" }] } },
      400,
      "message.parts[0].url: must be a string",
    ],
    [
      "metadata that is no object",
      { id: "c", message: { ...user("Hi"), metadata: 1 } },
      400,
      "message.metadata: must be an object",
    ],
    [
      "no such agent",
      { id: "c-agent", message: user("Hi"), agent: "nobody" },
      400,
      "conversation.agent: names no registered agent",
    ],
  ])("%s", async (_, body, status, text) => {
    const response = await fetch(`${server.server.url}/api/chat`, {
      method: "POST",
      headers: { ...server.credential, "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    if (typeof text === "string") expect(await response.text()).toBe(text);
    else expect(await response.text()).toMatch(text);
  });

  test("a user's message with the id of a reply", async () => {
    const id = randomUUID();
    await post(server, { id, messages: [user("Hi", "m1")] });
    const [asked, reply] = await historyOf(server, id);
    const alone = await post(server, { id, message: user("Mine", reply.id) });
    expect([alone.status, alone.text]).toEqual([400, "message.id: must not be the id of a reply"]);
    const before = await post(server, { id, messages: [asked, user("Mine", reply.id), user("And?")] });
    expect([before.status, before.text]).toEqual([400, "messages[1].id: must not be the id of a reply"]);
    expect(await historyOf(server, id)).toEqual([asked, reply]);
  });

  test("without a credential", async () => {
    const { status, text, headers } = await post(server, { id: "c", messages: [user("Hi")] }, "", {});
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(text).toMatch(/^A credential is needed.*\.$/);
  });

  test("of a chat that there is not, and of a path", async () => {
    expect((await request(server, "GET", "/api/chat/none/messages")).text).toBe("There is no such chat.");
    const nowhere = await request(server, "GET", "/api/chat/none/other");
    expect([nowhere.status, nowhere.headers.get("content-type")]).toEqual([404, "text/plain; charset=utf-8"]);
    expect((await request(server, "DELETE", "/api/chat")).status).toBe(405);
  });

  test("reach the user as the error of the chat", async () => {
    const chat = chatOf(server, 7, { credential: bearer("nonsense") });
    await chat.sendMessage({ text: "Hi" });
    expect(chat.error.message).toMatch(/^[A-Z][^{}]*\.$/);
    expect(chat.error.statusCode).toBe(401);
  });
});

describe("who sees which chat", () => {
  test("two members with the same id of a chat have two", async () => {
    const id = randomUUID();
    const bob = await server.tenant.token("bob");
    await post(server, { id, messages: [user("Alice's", "m")] });
    expect((await request(server, "GET", `/api/chat/${id}/messages`, undefined, bob)).status).toBe(404);
    expect((await request(server, "GET", `/api/chat/${id}/stream`, undefined, bob)).status).toBe(204);
    await post(server, { id, messages: [user("Bob's", "m")] }, "", bob);
    expect((await historyOf(server, id))[0].parts[0].text).toBe("Alice's");
    expect((await historyOf(server, id, bob))[0].parts[0].text).toBe("Bob's");
  });

  test("who sees the whole tenant has a chat of its own too, and reads another's by the conversation's id", async () => {
    const id = randomUUID();
    await post(server, { id, messages: [user("Alice's", "m")] });
    expect((await request(server, "GET", `/api/chat/${id}/messages`, undefined, server.admin)).status).toBe(404);
    await post(server, { id, messages: [user("The back end's", "m")] }, "", server.admin);
    expect(await historyOf(server, id)).toHaveLength(2);
    expect((await historyOf(server, id, server.admin))[0].parts[0].text).toBe("The back end's");
    const alices = { clientId: id, ownerId: "alice" };
    const { conversations } = await server.server.client(ConversationService, server.admin).listConversations(alices);
    expect(await historyOf(server, conversations[0]?.id ?? "", server.admin)).toEqual(await historyOf(server, id));
  });

  test("the id of a conversation that one may not see makes a chat of one's own", async () => {
    const { conversation } = await server.server
      .client(ConversationService, server.credential)
      .createConversation({ conversation: { title: "secret" } });
    const bob = await server.tenant.token("bob");
    const id = conversation?.id ?? "";
    expect((await request(server, "POST", `/api/chat/${id}/stop`, undefined, bob)).text).toBe('{"success":true}');
    expect((await request(server, "GET", `/api/chat/${id}/messages`, undefined, bob)).status).toBe(404);
    await post(server, { id, messages: [user("mine")] }, "", bob);
    expect(await historyOf(server, id, bob)).toHaveLength(2);
    expect(await historyOf(server, id)).toEqual([]);
  });

  test("a browser's token of one conversation has that one alone, by either id", async () => {
    const id = randomUUID();
    await post(server, { id, messages: [user("Hi")] });
    const { conversations } = await server.server
      .client(ConversationService, server.credential)
      .listConversations({ clientId: id });
    const conversationId = conversations[0]?.id ?? "";
    const { token } = await server.server
      .client(AccessService, server.admin)
      .createClientToken({ memberId: "alice", conversationId });
    const one = bearer(token);
    expect(await historyOf(server, id, one)).toEqual(await historyOf(server, conversationId));
    expect((await post(server, { id, message: user("Again") }, "", one)).status).toBe(200);
    expect((await post(server, { id: conversationId, message: user("And again") }, "", one)).status).toBe(200);
    expect(await historyOf(server, id)).toHaveLength(6);
    expect((await post(server, { id: randomUUID(), message: user("Another") }, "", one)).status).toBe(403);
    expect((await request(server, "GET", "/api/chat/other/messages", undefined, one)).status).toBe(404);
  });

  test("who may only read does not write", async () => {
    const { token } = await server.server
      .client(AccessService, server.admin)
      .createClientToken({ memberId: "alice", readOnly: true });
    expect((await post(server, { id: "c", message: user("Hi") }, "", bearer(token))).status).toBe(403);
  });
});

test("pages of an origin that is listed may call, and see what they need", async () => {
  const origin = "https://app.example.com";
  const preflight = await fetch(`${server.server.url}/api/chat`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type, user-agent",
    },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
  const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase().split(", ") ?? [];
  expect(allowed).toEqual(
    expect.arrayContaining(["authorization", "content-type", "user-agent", "a2a-version", "a2a-extensions"]),
  );
  const response = await fetch(`${server.server.url}/api/chat/none/stream`, {
    headers: { ...server.credential, origin },
  });
  expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  expect(response.headers.get("access-control-expose-headers")).toContain("x-vercel-ai-ui-message-stream");
});

test("the agent is that of the chat, else the request's, else the one named default", async () => {
  const other = { name: "other", connector: { case: "echo" as const, value: {} } };
  await server.server.client(AgentService, server.admin).createAgent({ agent: other });
  const last = async (id: string) => (await historyOf(server, id)).at(-1).parts.at(-1).text;
  const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
  await post(server, { id: one, message: user("Polly") }, "?agent=other");
  expect(await last(one)).toBe("Polly");
  await post(server, { id: one, message: user("Again") }, "?agent=default");
  expect(await last(one)).toBe("Again");
  await post(server, { id: two, message: user("Polly"), agent: "other" });
  expect(await last(two)).toBe("Polly");
  await post(server, { id: three, message: user("Polly") });
  expect(await last(three)).toBe("Hello");
});

test("the Chat of @ai-sdk/react holds what the server has", async () => {
  const transport = new DefaultChatTransport({ api: `${server.server.url}/api/chat`, headers: server.credential });
  const chat = new Chat({ id: randomUUID(), transport });
  await chat.sendMessage({ text: "Hi" });
  await chat.regenerate();
  expect(chat.error).toBeUndefined();
  expect(await historyOf(server, chat.id)).toEqual(chat.messages);
});

describe("two servers", () => {
  test("a reply that is made at one is followed, and stopped, at the other", async () => {
    await using stack = new AsyncDisposableStack();
    const data = stack.adopt(await mkdtemp(join(tmpdir(), "colloquy-second-")), (folder) =>
      rm(folder, { recursive: true }),
    );
    const second = startServer({
      DATABASE_URL: server.server.databaseUrl,
      COLLOQUY_DATA_DIR: data,
      COLLOQUY_COMPAT: "aisdk",
      COLLOQUY_AGENT_PRIVATE: "yes",
      PORT: "0",
    });
    stack.defer(async () => {
      second.signal("SIGTERM");
      await second.ended;
    });
    const url = /http:\/\/[^\s/]+/.exec(await second.ready)?.[0] ?? "";
    // A key is known to both; a token of the first server's own is not.
    const { credential: key } = await server.tenant.key("read", "write");
    const credential = { ...key, "x-act-for": "alice" };
    const { call, asked } = pauses([{ text: "Good " }]);
    server.script.push(call);
    const first = chatOf(server, 7, { credential });
    const sending = first.sendMessage({ text: "Hi" });
    const signal = await asked;
    const other: Any = chatOf(server, 7, { id: first.id, url, credential });
    const resuming = other.resumeStream();
    await expect.poll(() => other.lastMessage?.parts.at(-1)?.text).toBe("Good ");
    const stopped = await fetch(`${url}/api/chat/${first.id}/stop`, { method: "POST", headers: credential });
    expect(await stopped.json()).toEqual({ success: true });
    await Promise.all([sending, resuming]);
    expect(signal.aborted).toBe(true);
    expect(other.messages).toEqual(first.messages.slice(1));
    expect(await historyOf(server, first.id, credential)).toEqual(first.messages);
  });
});

test("a long message to an agent that repeats it leaves others their turns", async () => {
  const long = { name: "parrot", connector: { case: "echo" as const, value: {} } };
  await server.server.client(AgentService, server.admin).createAgent({ agent: long });
  const text = "x ".repeat(100_000);
  const { value: id, ms } = await leastHeldBy(50, async () => {
    const id = randomUUID();
    await post(server, { id, message: user(text) }, "?agent=parrot");
    return id;
  });
  expect((await historyOf(server, id)).at(-1).parts.at(-1).text).toBe(text);
  expect(ms).toBeLessThan(50);
});
