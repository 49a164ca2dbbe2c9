// The documented examples of the assistant API, as they stand, against a server in the development profile.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import { expectHeaders, masked, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant");
});
afterAll(() => server.close());

const HELLO = { role: "user", content: "Hello", timestamp: 1234567890 };

async function created(userId: string, more: object = {}): Promise<string> {
  const answer = await server.http("POST", PATH, {
    body: { userId, title: "Conversation Title", messages: [HELLO], ...more },
  });
  expect(answer.status).toBe(201);
  return answer.json.conversation.id;
}

describe("the documented answers", () => {
  test("S2-1 GET /api/conversations", async () => {
    const userId = randomUUID();
    await created(userId, { agentId: "agent-uuid", mode: "mode_1_interactive_manual" });
    const answer = await server.http("GET", `${PATH}?userId=${userId}`);
    expect(answer.status).toBe(200);
    expectHeaders(answer);
    expect(masked(answer)).toBe(
      '{"success":true,"conversations":[{"id":"<uuid>","title":"Conversation Title","messages":[{"role":"user",' +
        '"content":"Hello","timestamp":1234567890}],"createdAt":<now>,"updatedAt":<now>,"isPinned":false,' +
        `"userId":"${userId}","agentId":"agent-uuid","mode":"mode_1_interactive_manual"}],"count":1,"requestId":"req_xxx"}`,
    );
  });

  test("S2-2 POST /api/conversations", async () => {
    const body = {
      userId: randomUUID(),
      title: "New Conversation",
      messages: [],
      agentId: "agent-uuid",
      mode: "mode_1_interactive_manual",
      isPinned: false,
    };
    const answer = await server.http("POST", PATH, { body });
    expect(answer.status).toBe(201);
    expectHeaders(answer);
    expect(masked(answer)).toBe(
      '{"success":true,"conversation":{"id":"<uuid>","title":"New Conversation","messages":[],"createdAt":<now>,' +
        '"updatedAt":<now>},"message":"Conversation created successfully","requestId":"req_xxx"}',
    );
  });

  test("S2-3 PUT /api/conversations", async () => {
    const userId = randomUUID();
    const conversationId = await created(userId);
    const messages = [HELLO, { role: "assistant", content: "Hi", timestamp: 1234567891 }];
    const body = { userId, conversationId, title: "Updated Title", messages, isPinned: true };
    const answer = await server.http("PUT", PATH, { body });
    expect(answer.status).toBe(200);
    expectHeaders(answer);
    expect(masked(answer)).toBe(
      '{"success":true,"conversation":{"id":"<uuid>","title":"Updated Title","messages":[{"role":"user","content":"Hello",' +
        '"timestamp":1234567890},{"role":"assistant","content":"Hi","timestamp":1234567891}],"updatedAt":<now>},' +
        '"message":"Conversation updated successfully","requestId":"req_xxx"}',
    );
    const { conversations } = (await server.http("GET", `${PATH}?userId=${userId}`)).json;
    expect(conversations).toMatchObject([{ id: conversationId, title: "Updated Title", isPinned: true, messages }]);
  });

  test("S2-4 DELETE /api/conversations", async () => {
    const userId = randomUUID();
    const conversationId = await created(userId);
    const answer = await server.http("DELETE", PATH, { body: { userId, conversationId } });
    expect(answer.status).toBe(200);
    expectHeaders(answer);
    expect(masked(answer)).toBe('{"success":true,"message":"Conversation deleted successfully","requestId":"req_xxx"}');
    expect((await server.http("GET", `${PATH}?userId=${userId}`)).json).toMatchObject({ conversations: [], count: 0 });
  });

  test("S2-5 an error", async () => {
    const body = { userId: randomUUID(), conversationId: randomUUID() };
    const answer = await server.http("DELETE", PATH, { body });
    expect(answer.status).toBe(404);
    expect(masked(answer)).toBe(
      '{"error":"Not Found","message":"Conversation not found","code":"NOT_FOUND","requestId":"req_xxx","context":{}}',
    );
  });
});

describe("the documented fetch calls, with UUIDs", () => {
  const user = randomUUID();
  // As in a page of the same origin.
  const fetchHere = (path: string, init?: RequestInit) => fetch(server.server.url + path, init);

  test("S2-8 create, update and fetch a user's conversations", async () => {
    const create = await fetchHere("/api/conversations", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ userId: user, title: "New Conversation", messages: [] }),
    });
    const { conversation } = (await create.json()) as { conversation: { id: string } };
    const update = await fetchHere("/api/conversations", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        userId: user,
        conversationId: conversation.id,
        title: "Updated Title",
        messages: [{ role: "user", content: "Hello" }],
      }),
    });
    expect(update.status).toBe(200);
    const response = await fetchHere(`/api/conversations?userId=${user}`);
    const data = (await response.json()) as { conversations: unknown };
    expect(data.conversations).toMatchObject([
      { id: conversation.id, title: "Updated Title", messages: [{ role: "user", content: "Hello" }] },
    ]);
  });
});
