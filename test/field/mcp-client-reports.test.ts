// F-MCP-CLIENT: what others report of clients of MCP servers, tried on the tools that agents have from such servers.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import type { ReplyRequest } from "../../src/agents/connectors/connector.ts";
import { readParts } from "../../src/domain/parts/stored.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

interface Asked {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly cursor?: string; readonly name?: string; readonly arguments?: object };
}

const agent = scriptedAgent();
let server: StoreServer;
let http: Server;
let url = "";
/** What was asked of the server, in order. */
const asked: Asked[] = [];
/** The sessions that began and those that were ended, by their ids. */
const sessions = { begun: [] as string[], ended: [] as string[] };
/** What it says to a request; a number is a status. */
let say: (asked: Asked) => object | number = () => 500;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());
beforeEach(async () => {
  asked.length = 0;
  sessions.begun.length = 0;
  sessions.ended.length = 0;
  http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === "DELETE") sessions.ended.push(String(request.headers["mcp-session-id"]));
    if (request.method !== "POST") return response.writeHead(405).end();
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
    if (message.id === undefined) return response.writeHead(202).end();
    asked.push(message);
    if (message.method === "initialize") response.setHeader("mcp-session-id", `s${sessions.begun.push("")}`);
    const result =
      message.method === "initialize"
        ? { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } }
        : say(message);
    if (typeof result === "number") return response.writeHead(result).end();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, ...("error" in result ? result : { result }) }));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
});
afterEach(async () => {
  agent.script.length = 0;
  agent.requests.length = 0;
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

const tool = (name: string): object => ({ name, inputSchema: { type: "object" } });
const ran = (words: string) => ({ content: [{ type: "text", text: words }] });

/** A server of these tools, a page each, that says which of them it ran. */
function pages(...names: readonly (readonly string[])[]): typeof say {
  return ({ method, params }) => {
    if (method === "tools/call") return ran(`ran ${params?.name}`);
    if (method !== "tools/list") return { error: { code: -32601, message: "unknown" } };
    const page = Number(params?.cursor ?? 0);
    return { tools: names[page]?.map(tool), ...(page + 1 < names.length && { nextCursor: String(page + 1) }) };
  };
}

async function scene(more: object = {}) {
  const tenant = await server.tenant("ann");
  const mcpServers = [{ name: "w", url, ...more }];
  const own: object = { name: "helper", connector: { case: "echo", value: {} }, mcpServers };
  await tenant.key().agents.createAgent({ agent: own });
  const { conversations, turns } = tenant.member("ann");
  const { conversation } = await conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const ask = async () => {
    const read = await readTurn(turns.chat({ conversationId, message: { content: "hi" }, streamEntries: true }));
    expect(read.turn?.state).toBe(TurnState.COMPLETE);
  };
  /** The names that the agent is offered. */
  const offered = async () => {
    agent.script.push(says(text("ok")));
    await ask();
    return agent.requests.at(-1)?.tools.map(({ name }) => name) ?? [];
  };
  const call = async (name: string, args?: string) => {
    agent.script.push(says(calls("c1", name, args)), says(text("ok")));
    await ask();
    return given(agent.requests.at(-1) as never).findLast((line) => line.startsWith("result"));
  };
  return { offered, call };
}

describe("F-MCP-CLIENT: names", () => {
  test("names that are the same once models may read them are told apart, and each runs its own tool", async () => {
    const long = "synchronize_all_customer_data_across_multiple_systems_and_regions_";
    const names = ["admin.list", "admin/list", `${long}eu`, `${long}us`];
    say = pages(names);
    const { offered, call } = await scene();
    const known = await offered();
    expect(known).toHaveLength(4);
    expect(new Set(known).size).toBe(4);
    expect(known[0]).toMatch(/^w_admin_list_[0-9a-f]{8}$/);
    for (const [index, name] of known.entries()) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(await call(name)).toBe(`result c1 ran ${names[index]}`);
    }
    expect(await offered()).toEqual(known);
  });
});

describe("F-MCP-CLIENT: lists", () => {
  test("of many pages are read to the end, and a tool that is allowed is found behind the most that are offered", async () => {
    const many = Array.from({ length: 15 }, (_, page) => Array.from({ length: 20 }, (_, n) => `t${page * 20 + n}`));
    say = pages(...many);
    expect(await (await scene({ allowedTools: ["t299", "t0"] })).offered()).toEqual(["w_t0", "w_t299"]);
    expect(await (await scene()).offered()).toHaveLength(128);
  });

  test("whose cursor does not go on end there, with each tool once", async () => {
    say = ({ method }) => (method === "tools/list" ? { tools: [tool("a"), tool("b")], nextCursor: "8" } : ran("x"));
    expect(await (await scene()).offered()).toEqual(["w_a", "w_b"]);
    expect(asked.filter(({ method }) => method === "tools/list")).toHaveLength(2);
  });

  test("go on behind an empty cursor", async () => {
    say = ({ method, params }) => {
      if (method !== "tools/list") return ran("x");
      return params?.cursor === "" ? { tools: [tool("b")] } : { tools: [tool("a")], nextCursor: "" };
    };
    expect(await (await scene()).offered()).toEqual(["w_a", "w_b"]);
  });
});

describe("F-MCP-CLIENT: servers that start again", () => {
  test.each([503, 500, 401])(
    "a call that gets %i is not sent twice, and the next has a session of its own",
    async (status) => {
      const usual = pages(["a"]);
      say = usual;
      const { call } = await scene();
      expect(await call("w_a")).toBe("result c1 ran a");
      say = (message) => (message.method === "tools/call" ? status : usual(message));
      asked.length = 0;
      expect(await call("w_a")).toBe(`result c1 the MCP server answered with status ${status} (error)`);
      expect(asked.filter(({ method }) => method === "tools/call")).toHaveLength(1);
      say = usual;
      expect(await call("w_a")).toBe("result c1 ran a");
      expect(asked.filter(({ method }) => method === "initialize")).toHaveLength(1);
    },
  );

  test("a session that is not used any more is ended at its server", async () => {
    const usual = pages(["a"]);
    say = usual;
    const { call } = await scene();
    await call("w_a");
    expect(sessions).toMatchObject({ begun: { length: 1 }, ended: [] });
    say = (message) => (message.method === "tools/call" ? 500 : usual(message));
    await call("w_a");
    await expect.poll(() => sessions.ended).toEqual(["s1"]);
  });

  test("a call of a session that is forgotten is run once, in a new one", async () => {
    const usual = pages(["a"]);
    say = usual;
    const { call } = await scene();
    await call("w_a");
    let forgotten = true;
    say = (message) => {
      if (message.method !== "tools/call" || !forgotten) return usual(message);
      forgotten = false;
      return 404;
    };
    expect(await call("w_a")).toBe("result c1 ran a");
  });
});

describe("F-MCP-CLIENT: arguments", () => {
  test("null is left out where a tool takes none and asks for none, and sent otherwise", async () => {
    const properties = {
      after: { type: "string" },
      limit: { type: ["integer", "null"] },
      either: { anyOf: [{ type: "string" }, { type: "null" }] },
      any: {},
      old: { type: "string", nullable: true },
      must: { type: "string" },
    };
    const inputSchema = { type: "object", properties, required: ["must"] };
    say = (message) =>
      message.method === "tools/list" ? { tools: [{ name: "a", inputSchema }] } : pages(["a"])(message);
    const names = [...Object.keys(properties), "unknown"];
    const args = JSON.stringify({ query: "x", ...Object.fromEntries(names.map((name) => [name, null])) });
    await (await scene()).call("w_a", args);
    const sent = asked.find(({ method }) => method === "tools/call")?.params?.arguments;
    expect(Object.keys(sent ?? {})).toEqual(["query", ...names.slice(1)]);
  });

  test("F-MCP-CLIENT: words with NUL or half a character reach models without them", async () => {
    const inputSchema = { type: "object", properties: { q: { type: "string", description: "a\ud800\u0000b" } } };
    const description = "Looks\u0000 up\udc00";
    say = ({ method }) => (method === "tools/list" ? { tools: [{ name: "a", description, inputSchema }] } : ran("x"));
    await (await scene()).call("w_a", "{}");
    const [offered] = agent.requests.at(-1)?.tools ?? [];
    expect(offered?.description).toBe("Looks up\ufffd");
    expect(JSON.parse(offered?.inputSchemaJson ?? "").properties.q.description).toBe("a\ufffdb");
  });
});

describe("F-MCP-CLIENT: results", () => {
  const image = { type: "image", data: "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk", mimeType: "image/png" };
  const two = { items: [1, 2] };
  test.each<[string, object, string]>([
    ["structured alone", { content: [], structuredContent: two }, '{"items":[1,2]}'],
    ["structured without a list of content", { structuredContent: two }, '{"items":[1,2]}'],
    [
      "that say as text what is structured",
      { ...ran('{ "items": [1, 2] }'), structuredContent: two },
      '{"items":[1,2]}',
    ],
    [
      "whose text is what a wrapper holds",
      { ...ran("sunny"), structuredContent: { result: "sunny" } },
      '{"result":"sunny"}',
    ],
    [
      "whose text only sums up what is structured",
      { ...ran("2 items"), structuredContent: two },
      '2 items\n{"items":[1,2]}',
    ],
    ["whose structure is empty", { ...ran("try again"), structuredContent: {} }, "try again"],
    [
      "of a failure, with its words and its structure",
      { ...ran("refused"), structuredContent: { code: "RATE_LIMITED" }, isError: true },
      'refused\n{"code":"RATE_LIMITED"} (error)',
    ],
    [
      "of a failure, structured alone",
      { content: [], structuredContent: { code: 1 }, isError: true },
      '{"code":1} (error)',
    ],
  ])("%s reach the model whole, and once", async (_, result, words) => {
    say = (message) => (message.method === "tools/call" ? result : pages(["a"])(message));
    expect(await (await scene()).call("w_a")).toBe(`result c1 ${words}`);
  });

  test("with pictures come with what is structured beside them, unless that repeats the pictures", async () => {
    const parts = async (structuredContent: object) => {
      say = (message) =>
        message.method === "tools/call" ? { content: [image], structuredContent } : pages(["a"])(message);
      await (await scene()).call("w_a");
      const { messages } = agent.requests.at(-1) as ReplyRequest;
      const [result] = messages
        .flatMap(({ kind, parts: stored }) => (kind === null ? [] : readParts(stored)))
        .slice(-1);
      const output = result?.content.case === "toolResult" ? result.content.value.output : undefined;
      return output?.case === "parts" ? output.value.parts.map(({ content }) => content) : output?.value;
    };
    const file = expect.objectContaining({ case: "file" });
    const text = { case: "text", value: expect.objectContaining({ text: '{"width":3}' }) };
    expect(await parts({ width: 3 })).toEqual([file, text]);
    expect(await parts({ result: [image] })).toEqual([file]);
  });

  test.each<[string, object, string]>([
    ["a kind of content that nobody knows", { content: [{ type: "blob", data: "eA==" }] }, "content.0: Invalid input"],
    [
      "a list in place of an object",
      { ...ran("[1]"), structuredContent: [1] },
      "structuredContent: Invalid input: expected record, received array",
    ],
  ])("with %s are a failure that says so, and that the tool has run", async (_, result, fault) => {
    say = (message) => (message.method === "tools/call" ? result : pages(["a"])(message));
    const words = await (await scene()).call("w_a");
    expect(words).toBe(`result c1 the tool has run, but its result is invalid: ${fault} (error)`);
  });
});
