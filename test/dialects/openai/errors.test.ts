// Errors as OpenAI's client takes them: their class, their fields, and whether it sends the request again.
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenAiScene, startOpenAi } from "./scene.ts";

let scene: OpenAiScene;
let conversation: string;
beforeAll(async () => {
  scene = await startOpenAi();
  conversation = (await scene.client.conversations.create()).id;
});
afterAll(() => scene.close());

const call = { type: "function_call", call_id: "c", name: "n", arguments: "{}" };
const text = (content: unknown) => ({ role: "user", content });

describe("items that break a rule", () => {
  test.each<[item: unknown, param: string, code: string]>([
    [5, "items[1]", "invalid_type"],
    [{ content: "x" }, "items[1].type", "missing_required_parameter"],
    [{ type: 5 }, "items[1].type", "invalid_type"],
    [{ role: "user" }, "items[1].content", "missing_required_parameter"],
    [text(5), "items[1].content", "invalid_type"],
    [text(null), "items[1].content", "invalid_type"],
    [{ role: "robot", content: "x" }, "items[1].role", "invalid_value"],
    [{ role: 5, content: "x" }, "items[1].role", "invalid_type"],
    [text(["x"]), "items[1].content[0]", "invalid_type"],
    [text([{ text: "x" }]), "items[1].content[0].type", "missing_required_parameter"],
    [text([{ type: "input_text" }]), "items[1].content[0].text", "missing_required_parameter"],
    [text([{ type: "input_text", text: 5 }]), "items[1].content[0].text", "invalid_type"],
    [{ ...call, call_id: 5 }, "items[1].call_id", "invalid_type"],
    [{ ...call, call_id: "" }, "items[1].call_id", "invalid_value"],
    [{ ...call, call_id: "c".repeat(65) }, "items[1].call_id", "invalid_value"],
    [{ ...call, name: "n".repeat(129) }, "items[1].name", "invalid_value"],
    [{ ...call, arguments: {} }, "items[1].arguments", "invalid_type"],
    [{ type: "function_call_output", call_id: "c" }, "items[1].output", "missing_required_parameter"],
    [{ type: "function_call_output", call_id: "c", output: 5 }, "items[1].output", "invalid_type"],
    [{ type: "reasoning" }, "items[1].summary", "missing_required_parameter"],
    [{ ...call, id: "not an id" }, "items[1].id", "invalid_value"],
    [{ ...call, id: 5 }, "items[1].id", "invalid_type"],
    [{ type: "item_reference" }, "items[1].id", "missing_required_parameter"],
    [text("x".repeat(1100 * 1024)), "items[1]", "invalid_value"],
    [JSON.parse(`{"type":"x","a":${"[".repeat(70)}${"]".repeat(70)}}`), "items[1]", "invalid_value"],
  ])("%j", async (item, param, code) => {
    const items = [text("good"), item] as never[];
    const sending = scene.client.conversations.items.create(conversation, { items });
    const error = await sending.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param, code });
    expect((error as APIError).message).toContain(param);
    expect((await scene.client.conversations.items.list(conversation)).data).toEqual([]);
  });
});

describe("a request that is refused", () => {
  test.each<[what: string, body: object, param: string, code: string]>([
    ["metadata that are no object", { metadata: "x" }, "metadata", "invalid_type"],
    ["a value that is no text", { metadata: { a: 1 } }, "metadata", "invalid_type"],
    ["a long key", { metadata: { ["k".repeat(65)]: "x" } }, "metadata", "invalid_value"],
    ["a long value", { metadata: { a: "v".repeat(513) } }, "metadata", "invalid_value"],
    [
      "seventeen pairs",
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [String(i), ""])) },
      "metadata",
      "invalid_value",
    ],
  ])("says why: %s", async (_, body, param, code) => {
    const { client } = scene;
    for (const path of ["/conversations", `/conversations/${conversation}`]) {
      const error = await client.post(path, { body }).catch((caught: unknown) => caught);
      expect(error, path).toBeInstanceOf(BadRequestError);
      expect((error as APIError).param, path).toMatch(new RegExp(`^${param}`));
      expect((error as APIError).code, path).toBe(code);
    }
  });

  test("names what must be given", async () => {
    const { client } = scene;
    const required = { status: 400, code: "missing_required_parameter" };
    await expect(client.post(`/conversations/${conversation}`, { body: {} })).rejects.toMatchObject({
      ...required,
      param: "metadata",
    });
    await expect(client.post(`/conversations/${conversation}/items`, { body: {} })).rejects.toMatchObject({
      status: 400,
      param: "items",
    });
    await expect(client.get("/conversations/search")).rejects.toMatchObject({ status: 400, param: "query" });
  });

  test("is told apart by its class", async () => {
    const { dialect } = scene;
    const baseURL = `${dialect.server.url}/openai/v1`;
    const stranger = new OpenAI({ baseURL, apiKey: "clq_nobody", maxRetries: 0 });
    await expect(stranger.conversations.create()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(stranger.conversations.create()).rejects.toMatchObject({ code: "invalid_api_key", status: 401 });
    const reader = await scene.clientOf("read");
    await expect(reader.conversations.create()).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(reader.conversations.create()).rejects.toMatchObject({ code: "insufficient_permissions" });
    const writer = await scene.clientOf("write");
    await expect(writer.conversations.items.list(conversation)).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(writer.get("/nowhere")).rejects.toBeInstanceOf(NotFoundError);
    await expect(writer.get("/nowhere")).rejects.toMatchObject({
      error: {
        message: "Invalid URL (GET /openai/v1/nowhere)",
        type: "invalid_request_error",
        param: null,
        code: null,
      },
    });
  });

  test("carries its request's id", async () => {
    const error = await scene.client.conversations.retrieve("conv_x").catch((caught: unknown) => caught);
    expect((error as APIError).requestID).toMatch(/^[\w-]{8,}$/);
  });

  test("that is no JSON says where it breaks", async () => {
    const { credential } = await scene.dialect.tenant.key("read", "write");
    for (const raw of ['{"items":[{"type":}]}', '{"items":[{"type":"x"}', '{"items":[nope]}', "{]"]) {
      const { status, json } = await scene.dialect.http("POST", `/openai/v1/conversations/${conversation}/items`, {
        raw,
        credential,
      });
      expect([status, json.error.type, json.error.param], raw).toEqual([400, "invalid_request_error", null]);
    }
  });
});

describe("a request that may come again", () => {
  /** The error of a call that a client makes without sending it again, with the headers that say whether it would. */
  async function refusedBy(client: OpenAI): Promise<[error: APIError, headers: (string | null | undefined)[]]> {
    const error = await client.conversations.create().catch((caught: unknown) => caught);
    if (!(error instanceof APIError)) throw new Error("it was not refused");
    const names = ["x-should-retry", "retry-after", "retry-after-ms"];
    return [error, names.map((name) => error.headers?.get(name))];
  }

  test("is told when, where its limit is used up", async () => {
    const limited = await startOpenAi({ COLLOQUY_RATE_LIMITS: "caller=1/2" });
    try {
      await limited.client.conversations.create();
      const [error, [retries, seconds, ms]] = await refusedBy(limited.client);
      expect(error).toBeInstanceOf(RateLimitError);
      expect(error).toMatchObject({ status: 429, type: "requests", code: "rate_limit_exceeded" });
      expect([retries, Number(ms)]).toEqual(["true", 1000 * Number(seconds)]);
      const patient = limited.client.withOptions({ maxRetries: 3 });
      expect((await patient.conversations.create()).object).toBe("conversation");
    } finally {
      await limited.close();
    }
  });

  test("is told when, where the database is away", async () => {
    const broken = await startOpenAi();
    try {
      await broken.dialect.server.database.close();
      const [error, headers] = await refusedBy(broken.client);
      expect(error).toBeInstanceOf(InternalServerError);
      expect(error).toMatchObject({ status: 503, type: "server_error" });
      expect(headers).toEqual(["true", "1", "1000"]);
    } finally {
      await broken.close().catch(() => {});
    }
  });
});
