// Turns of agents in the CRM's API, credentials and errors.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type DialectServer, sendHttp } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../../support/services/agents.ts";
import { type Company, company, expectError, startCrm } from "./scene.ts";

let dialect: DialectServer;
let acme: Company;
let ann: Credential;
let openai: FakeOpenAi;

beforeAll(async () => {
  [dialect, openai] = await Promise.all([startCrm(), startFakeOpenAi()]);
  acme = await company(dialect);
  await acme.tenant.addMember("ann");
  ann = await acme.tenant.token("ann");
});
afterAll(() => Promise.all([dialect.close(), openai.close()]));

interface Said {
  readonly role: string;
  readonly content: string;
}
const spoken = (messages: readonly Said[]) => messages.map(({ role, content }) => `${role}: ${content}`);

/** Streams a turn and gives its events. */
async function stream(id: string, message: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${dialect.server.url}/v1/conversation/${id}/chat`, {
    method: "POST",
    headers: { ...ann, "content-type": "application/json", accept: "text/event-stream", ...headers },
    body: JSON.stringify({ message }),
  });
  const text = await response.text();
  const events = text
    .split("\n\n")
    .map((block) => Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s).slice(0, 2))))
    .filter(({ event }) => event !== undefined)
    .map(({ event, data }) => ({ event, data: JSON.parse(data) }));
  return { response, text, events };
}

describe("POST /v1/conversation/{id}/chat", () => {
  test("S1-5 answers the history, ending in the agent's reply", async () => {
    const id = await acme.made(ann);
    await acme.say(ann, id, "One");
    const { status, json } = await acme.say(ann, id, "Two");
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["conversation_id", "messages", "reply"]);
    expect(json.conversation_id).toBe(id);
    expect(spoken(json.messages)).toEqual(["user: One", "assistant: One", "user: Two", "assistant: Two"]);
    expect(json.reply).toEqual(json.messages.at(-1));
  });

  test("S1-5 answers the last 100 messages", async () => {
    const id = await acme.made(ann);
    const messages = dialect.server.client(MessageService, ann);
    await messages.batchSendMessages({
      conversationId: id,
      messages: Array.from({ length: 100 }, (_, i) => ({ content: `${i + 1}` })),
    });
    const { json } = await acme.say(ann, id, "now");
    expect(json.messages).toHaveLength(100);
    expect(spoken([json.messages[0], json.messages.at(-1)])).toEqual(["user: 3", "assistant: now"]);
  });

  test("S1-5 gives the agent the last max_context_length messages", async () => {
    const agentId = await acme.addAgent({ case: "openai", value: { baseUrl: openai.url, model: "m" } });
    const id = await acme.made(ann, { agent_id: agentId, max_context_length: 3 });
    for (const message of ["One", "Two", "Three"]) await acme.say(ann, id, message);
    expect(openai.calls.at(-1)?.body.messages.map(({ content }) => content)).toEqual(
      ["Two", "Hello", "Three"].slice(-3),
    );
  });

  test("S1-5 is open to a key that may only write", async () => {
    const id = await acme.made(ann);
    const { credential } = await acme.tenant.key("write");
    const { status, json } = await acme.say(credential, id, "Hello");
    expect([status, spoken(json.messages)]).toEqual([200, ["user: Hello", "assistant: Hello"]]);
  });

  test("S1-5 acts once for one Idempotency-Key", async () => {
    const id = await acme.made(ann);
    const headers = { ...ann, "idempotency-key": randomUUID() };
    const first = await acme.say(headers, id, "Hello");
    const second = await acme.say(headers, id, "Hello");
    expect(second.json).toEqual(first.json);
    expect(second.json.messages).toHaveLength(2);
  });

  test("S1-5 streams the same turn as events", async () => {
    const id = await acme.made(ann);
    const { response, events } = await stream(id, "Hello there 👋 you");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const deltas = events.filter(({ event }) => event === "delta");
    expect(deltas.map(({ data }) => data.text).join("")).toBe("Hello there 👋 you");
    let offset = 0;
    for (const { data } of deltas) {
      expect(data).toEqual({ text: expect.any(String), offset });
      offset += [...data.text].length;
    }
    const [message, done] = events.slice(deltas.length);
    expect(message).toMatchObject({ event: "message", data: { role: "assistant", content: "Hello there 👋 you" } });
    expect(done).toEqual({ event: "done", data: { conversation_id: id, turn_id: expect.any(String) } });
    expect(events).toHaveLength(deltas.length + 2);
    const history = await acme.call("GET", `/v1/conversation/${id}/messages`, ann);
    expect(history.json.data.at(-1)).toEqual(message?.data);
  });

  test("S1-5 answers 502 where the agent fails, and keeps the caller's message", async () => {
    const agentId = await acme.addAgent({ case: "openai", value: { baseUrl: openai.url, model: "m" } });
    const id = await acme.made(ann, { agent_id: agentId });
    const { answer } = openai;
    openai.answer = ({ response }) => response.writeHead(400).end();
    try {
      expectError(await acme.say(ann, id, "Hello"), 502, "agent_failed");
      const { response, events } = await stream(id, "Again");
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
      // Not done: whoever waits for that would take the turn for a good one.
      expect(events).toEqual([
        {
          event: "error",
          data: {
            error: { code: "agent_failed", message: expect.any(String), request_id: expect.stringMatching(/^req_/) },
          },
        },
      ]);
    } finally {
      openai.answer = answer;
    }
    const { json } = await acme.call("GET", `/v1/conversation/${id}/messages`, ann);
    expect(spoken(json.data)).toEqual(["user: Hello", "user: Again"]);
  });

  test("S1-5 answers 409 while a turn runs", async () => {
    const agentId = await acme.addAgent({ case: "openai", value: { baseUrl: openai.url, model: "m" } });
    const id = await acme.made(ann, { agent_id: agentId });
    const { answer } = openai;
    const asked = Promise.withResolvers<() => void>();
    openai.answer = (call) =>
      asked.resolve(() => {
        call.say("Done");
        call.finish();
      });
    try {
      const first = acme.say(ann, id, "Hello");
      const finish = await asked.promise;
      expectError(await acme.say(ann, id, "And?"), 409, "turn_in_progress");
      const streamed = await stream(id, "And?");
      expect([streamed.response.status, JSON.parse(streamed.text).error.code]).toEqual([409, "turn_in_progress"]);
      finish();
      expect(spoken((await first).json.messages)).toEqual(["user: Hello", "assistant: Done"]);
    } finally {
      openai.answer = answer;
    }
  });

  test("S1-5 answers 404 for what is unknown, 400 for no message", async () => {
    const id = await acme.made(ann);
    expectError(await acme.say(ann, randomUUID(), "Hello"), 404, "not_found");
    for (const body of [{}, { message: "" }, { message: 1 }, { message: "x".repeat(262_145) }, []]) {
      expectError(await acme.call("POST", `/v1/conversation/${id}/chat`, ann, body), 400, "validation_error");
    }
  });
});

describe("credentials and errors", () => {
  test("S1-13 names every broken field, as this API calls it", async () => {
    const paged = await acme.call("GET", "/v1/conversation?page=0&per_page=0", ann);
    expectError(paged, 400, "validation_error");
    const atLeastOne = "must be greater than or equal to 1";
    expect(paged.json.error.message).toBe(`page: ${atLeastOne}; per_page: ${atLeastOne}`);
    const { conversation } = await dialect.server
      .client(ConversationService, ann)
      .createConversation({ conversation: { title: "without an agent" } });
    const mute = await acme.say(ann, conversation?.id ?? "", "Hello");
    expectError(mute, 400, "validation_error");
    expect(mute.json.error.message).toBe("agent_id: names no registered agent");
    const whole = await acme.call("POST", "/v1/conversation", ann, []);
    expectError(whole, 400, "validation_error");
    expect(whole.json.error.message).toBe("the body must be an object");
  });

  const paths = (id: string) =>
    [
      ["GET", "/v1/conversation", "read"],
      ["GET", "/v1/conversation/entity", "read"],
      ["GET", "/v1/conversation/deleted", "read"],
      ["GET", `/v1/conversation/${id}/messages`, "read"],
      ["GET", "/v1/message/deleted", "read"],
      ["GET", `/v1/analytic/conversation/${id}`, "read"],
      ["POST", "/v1/conversation", "write"],
      ["POST", `/v1/conversation/${id}/chat`, "write"],
      ["DELETE", `/v1/conversation/${id}`, "write"],
      ["PATCH", `/v1/conversation/${id}/restore`, "write"],
      ["DELETE", `/v1/conversation/${id}/messages`, "write"],
      ["PATCH", `/v1/conversation/${id}/message/restore-all`, "write"],
      ["DELETE", `/v1/message/${id}`, "write"],
      ["PATCH", `/v1/message/${id}/restore`, "write"],
    ] as const;

  test("S1-13 answers 401 without a credential and to a bad one", async () => {
    for (const [method, path] of paths(randomUUID())) {
      for (const credential of [{}, { authorization: "Bearer x" }, { "x-api-key": "clq_x" }]) {
        const answer = await acme.call(method, path, credential as Credential);
        expectError(answer, 401, "unauthenticated");
        expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
      }
    }
  });

  test("S1-13 answers 403 to a key without the scope", async () => {
    const keys = { read: await acme.tenant.key("read"), write: await acme.tenant.key("write") };
    for (const [method, path, scope] of paths(randomUUID())) {
      const { credential } = keys[scope === "read" ? "write" : "read"];
      expectError(await acme.call(method, path, credential), 403, "forbidden");
    }
  });

  test("S1-13 takes a key by X-API-Key as by Authorization", async () => {
    const { text } = await acme.tenant.key("read");
    expect((await acme.call("GET", "/v1/conversation", { "x-api-key": text })).status).toBe(200);
  });

  test("S1-13 answers malformed JSON with 400, an unknown path with 404, a wrong method with 405", async () => {
    const url = dialect.server.url;
    expectError(
      await sendHttp(`${url}/v1/conversation`, "POST", { credential: ann, raw: "{" }),
      400,
      "validation_error",
    );
    for (const path of ["/v1/conversation/a/b/c", "/v1/message", "/v1/analytic/x"]) {
      expectError(await acme.call("GET", path, ann), 404, "not_found");
    }
    const wrong = await acme.call("PUT", `/v1/conversation/${randomUUID()}`, ann, {});
    expectError(wrong, 405, "method_not_allowed");
    expect(wrong.headers.get("allow")).toBe("DELETE, OPTIONS");
  });

  test("S1-13 answers 413 to a body past 4 MiB", async () => {
    expectError(await acme.call("POST", "/v1/conversation", ann, { note: "x".repeat(5_000_000) }), 413, "too_large");
  });

  test("S1-13 gives every answer a request id, the caller's own where it has the form", async () => {
    const given = `req_${"A1".repeat(10)}`;
    const own = await acme.call("GET", "/v1/conversation", { ...ann, "x-request-id": given });
    expect(own.headers.get("x-request-id")).toBe(given);
    const other = await acme.call("GET", "/v1/conversation", { ...ann, "x-request-id": "mine" });
    expect(other.headers.get("x-request-id")).toMatch(/^req_[0-9A-Za-z]{20}$/);
  });

  test("S1-13 answers 429 past the limit, with Retry-After", async () => {
    const { startDialects } = await import("../../support/servers/dialect-server.ts");
    const limited = await startDialects("crm", { COLLOQUY_RATE_LIMITS: "caller=2/60" });
    try {
      const credential = await limited.tenant.token("ann");
      const get = () => limited.http("GET", "/v1/conversation", { credential });
      await get();
      await get();
      const answer = await get();
      expectError(answer, 429, "rate_limited");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await limited.close();
    }
  });

  test("S1-13 answers 503 with Retry-After while the database is down", async () => {
    const down = await startCrm();
    try {
      const credential = await down.tenant.token("ann");
      expect((await down.http("GET", "/v1/conversation", { credential })).status).toBe(200);
      await down.server.database.close();
      const answer = await down.http("GET", "/v1/conversation", { credential });
      expectError(answer, 503, "unavailable");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await down.close();
    }
  });
});
