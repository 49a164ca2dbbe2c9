// MCP servers whose tools an agent calls: real servers by the official packages, over sockets.
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Server as McpServer } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ToolPlace, ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { createConnectors } from "../../src/agents/connectors/connectors.ts";
import { createSealer } from "../../src/agents/secrets/sealing.ts";
import { openMcpSession } from "../../src/agents/tools/mcp/mcp-session.ts";
import { createWebFetch } from "../../src/outbound/web-fetch.ts";
import { toMessage } from "../../src/services/convert.ts";
import type { AgentRow } from "../../src/store/agents/agents.ts";
import { failureOf } from "../support/failure.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
});

/** What came in: methods of JSON-RPC, or of HTTP where there is no body; of a call what its arguments were, as text. */
const asked: string[] = [];
let headers: IncomingMessage["headers"] = {};
/** Answers a request instead of the server, if it gives a status. */
let refuse: (method: string) => number | undefined = () => undefined;
const BREAKS = 0;
let sessions = new Map<string, StreamableHTTPServerTransport>();
let http: Server;
let url = "";

const objectOf = (properties: Record<string, object> = {}) => ({ type: "object" as const, properties });
const textOf = (words: string) => ({ content: [{ type: "text" as const, text: words }] });

const TOOLS = [
  { name: "fore.cast", description: "The weather", inputSchema: objectOf({ place: { type: "string" } }) },
  { name: "structured", inputSchema: objectOf(), outputSchema: objectOf({ degrees: { type: "number" } }) },
  ...["picture", "broken", "refuses", "large", "endless", "slow"].map((name) => ({ name, inputSchema: objectOf() })),
];

/** What it lists. */
let listed = TOOLS;

function makeServer(): McpServer {
  const mcp = new McpServer({ name: "weather", version: "1" }, { capabilities: { tools: {} } });
  // Page by page.
  mcp.setRequestHandler(ListToolsRequestSchema, ({ params }) =>
    params?.cursor === "more" ? { tools: listed.slice(3) } : { tools: listed.slice(0, 3), nextCursor: "more" },
  );
  mcp.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const repeats = params.arguments?.repeats === true;
    switch (params.name) {
      case "fore.cast":
        return textOf(`sun in ${params.arguments?.place ?? "nowhere"}`);
      case "structured":
        return { ...textOf('{"degrees":21}'), structuredContent: { degrees: 21 } };
      case "picture":
        return {
          content: [
            { type: "text", text: "look" },
            { type: "image", data: Buffer.from("png").toString("base64"), mimeType: "image/png" },
            { type: "resource", resource: { uri: "a://b", text: "of it" } },
          ],
        };
      case "broken":
        return { ...textOf(repeats ? `it broke: ${headers.authorization}` : "it broke"), isError: true };
      case "refuses":
        throw new McpError(-32602, repeats ? `no ${headers.authorization}` : "no such place");
      case "large":
        return textOf("x".repeat(800_000));
      case "endless":
        return textOf("x".repeat(5_000_000));
      default:
        return new Promise<never>(() => {});
    }
  });
  return mcp;
}

beforeEach(async () => {
  asked.length = 0;
  listed = TOOLS;
  refuse = () => undefined;
  sessions = new Map();
  http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const message = body === "" ? undefined : JSON.parse(body);
    const method = message?.method ?? request.method;
    asked.push(method === "tools/call" ? `call ${/"arguments":(\{.*?\})/.exec(body)?.[1]}` : method);
    headers = request.headers;
    const status = refuse(method);
    if (status === BREAKS) return response.writeHead(200, { "content-type": "text/event-stream" }).end();
    if (status !== undefined) return response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    const id = request.headers["mcp-session-id"];
    let transport = typeof id === "string" ? sessions.get(id) : undefined;
    if (transport === undefined && id !== undefined) return response.writeHead(404).end();
    if (transport === undefined) {
      const made = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (session) => void sessions.set(session, made),
      });
      transport = made;
      await makeServer().connect(made as Parameters<McpServer["connect"]>[0]);
    }
    return transport.handleRequest(request, response, message);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
});
afterEach(async () => {
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

async function scene(more: object = {}, tools: object[] = []) {
  const tenant = await server.tenant("alice");
  const { agents } = tenant.key();
  const mcpServers = [{ name: "w", url, credential: "secret", ...more }];
  const made = await agents.createAgent({
    agent: { name: "helper", connector: { case: "echo", value: {} }, mcpServers, tools } as object,
  });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const ask = () => readTurn(alice.turns.chat({ conversationId, message: { content: "hi" }, streamEntries: true }));
  /** The result of one call, in the agent's view. */
  const call = async (name: string, args = "{}") => {
    agent.script.push(says(calls("c1", name, args)), says(text("Done.")));
    const { turn } = await ask();
    expect(turn?.state).toBe(TurnState.COMPLETE);
    return given(agent.requests.at(-1) as never)
      .filter((line) => line.startsWith("result"))
      .at(-1);
  };
  return { tenant, agents, alice, conversationId, ask, call, made: made.agent };
}

describe("the tools of an MCP server", () => {
  test("are offered to the agent, called, and their results read, with one session for many turns", async () => {
    const { call } = await scene();
    expect(await call("w_fore_cast", '{"place": "Lisbon", "n": 12345678901234567890}')).toBe("result c1 sun in Lisbon");
    expect(headers.authorization).toBe("Bearer secret");
    const [offered] = agent.requests;
    expect(offered?.tools.map(({ name, description, place }) => [name, description, place])).toContainEqual([
      "w_fore_cast",
      "The weather",
      "mcp",
    ]);
    const schema = JSON.parse(offered?.tools[0]?.inputSchemaJson ?? "");
    expect(schema).toMatchObject({ type: "object", properties: { place: { type: "string" } } });
    expect(await call("w_structured")).toBe('result c1 {"degrees":21}');
    // Two pages of tools, once.
    expect(asked.filter((method) => method === "tools/list")).toHaveLength(2);
    expect(asked).not.toContain("GET");
    expect(asked).toContain('call {"place":"Lisbon","n":12345678901234567890}');
  });

  test("may give pictures and resources, which become parts", async () => {
    const { call, alice, conversationId } = await scene();
    await call("w_picture");
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: [4] });
    const result = messages[0]?.parts[0]?.content;
    const parts =
      result?.case === "toolResult" && result.value.output.case === "parts" ? result.value.output.value : undefined;
    expect(parts?.parts.map(({ content }) => content)).toMatchObject([
      { case: "text", value: { text: "look" } },
      {
        case: "file",
        value: { source: { case: "data", value: new Uint8Array(Buffer.from("png")) }, mediaType: "image/png" },
      },
      { case: "text", value: { text: "of it" } },
    ]);
  });

  test("fail without failing the turn: what the tool says, what does not fit, what takes too long", async () => {
    const { call } = await scene();
    expect(await call("w_broken")).toBe("result c1 it broke (error)");
    expect(await call("w_large")).toBe("result c1 the tool returned more than 786432 bytes (error)");
    expect(await call("w_endless")).toBe("result c1 the response has more than 4194304 bytes (error)");
    expect(await call("w_fore_cast", "{no")).toBe(
      "result c1 the arguments are refused: must be JSON, which it is not at character 2 (error)",
    );
    expect(await call("w_refuses")).toBe(
      "result c1 the MCP server refused the call: MCP error -32602: no such place (error)",
    );
    expect(await call("w_gone")).toBe("result c1 there is no tool of this name (error)");
    expect(await call("w_fore_cast", '{"place": "Rome"}')).toBe("result c1 sun in Rome");
    const told = await scene({ credential: "sk-of-the-server" });
    expect(await told.call("w_broken", '{"repeats": true}')).toBe("result c1 it broke: Bearer [redacted] (error)");
    expect(await told.call("w_refuses", '{"repeats": true}')).toContain("no Bearer [redacted] (error)");
    const hurried = await scene({ timeout: { nanos: 50_000_000 } });
    expect(await hurried.call("w_slow")).toBe(
      "result c1 the tool took too long: the call may have run, its outcome is unknown (error)",
    );
  });

  test("are only those that are allowed, and come after the agent's own of the same name", async () => {
    const own = { name: "w_broken", description: "own" };
    const { ask } = await scene({ allowedTools: ["fore.cast", "broken"] }, [own]);
    agent.script.push(says(text("ok")));
    await ask();
    expect(agent.requests[0]?.tools.map(({ name, description }) => [name, description])).toEqual([
      ["w_broken", "own"],
      ["w_fore_cast", "The weather"],
    ]);
  });

  test("wait for approval where that is asked for", async () => {
    const { ask, alice } = await scene({ needsApproval: true });
    agent.script.push(says(calls("c1", "w_fore_cast", '{"place":"Oslo"}')), says(text("Done.")));
    const waiting = await ask();
    const { message } = await alice.messages.getMessage({ messageId: waiting.turn?.awaited[0]?.messageId ?? "" });
    expect(message?.parts[0]?.content.value).toMatchObject({ type: ToolType.MCP, runsAt: ToolPlace.SERVER });
    expect(waiting.turn?.state).toBe(TurnState.INPUT_REQUIRED);
    expect(asked.filter((method) => method.startsWith("call"))).toEqual([]);
    const approvalId = waiting.turn?.awaited[0]?.approvalId ?? "";
    await alice.turns.answerTurn({ turnId: waiting.turnId, approvals: [{ approvalId, granted: true }] });
    await readTurn(alice.turns.resumeTurn({ turnId: waiting.turnId, streamEntries: true }), { stopsAtWait: false });
    expect(given(agent.requests.at(-1) as never).at(-1)).toBe("result c1 sun in Oslo");
  });

  test("wait for approval by their own names where that is asked for these alone", async () => {
    const { ask, alice, agents, made } = await scene({ approvalTools: ["fore.cast"] });
    expect(made?.mcpServers[0]).toMatchObject({ needsApproval: false, approvalTools: ["fore.cast"] });
    agent.script.push(says(calls("c1", "w_structured"), calls("c2", "w_fore_cast", '{"place":"Oslo"}')));
    const waiting = await ask();
    expect(waiting.turn?.awaited.map(({ callId, approvalId }) => [callId, approvalId !== ""])).toEqual([["c2", true]]);
    expect(agent.requests[0]?.tools.filter(({ needsApproval }) => needsApproval).map(({ name }) => name)).toEqual([
      "w_fore_cast",
    ]);
    await alice.turns.cancelTurn({ turnId: waiting.turnId });
    const mcpServers = [{ name: "w", url, allowedTools: ["a"], approvalTools: ["a", "b"] }];
    expect((await failureOf(agents.updateAgent({ agentId: "helper", agent: { mcpServers } }))).message).toBe(
      "agent.mcp_servers[0].approval_tools[1]: must be one of allowed_tools, where those are given",
    );
  });

  test("are missing while the server cannot be asked, and the turn goes on without them", async () => {
    const { ask } = await scene({}, [{ name: "mine" }]);
    refuse = () => 500;
    agent.script.push(says(text("ok")));
    expect((await ask()).turn?.state).toBe(TurnState.COMPLETE);
    expect(agent.requests[0]?.tools.map(({ name }) => name)).toEqual(["mine"]);
  });

  test("go on after the server has forgotten its sessions: a call is run once", async () => {
    const { call } = await scene();
    await call("w_fore_cast", '{"place":"Bern"}');
    sessions.clear();
    asked.length = 0;
    expect(await call("w_fore_cast", '{"place":"Wien"}')).toBe("result c1 sun in Wien");
    expect(asked.filter((method) => method.startsWith("call"))).toHaveLength(2);
  });

  test("are not called where a redirect leads, nor again after an answer that broke off", async () => {
    const { call } = await scene();
    await call("w_fore_cast");
    for (const [status, words] of [
      [307, "the MCP server answered with status 307"],
      [BREAKS, "the connection to the MCP server broke off: the call may have run, its outcome is unknown"],
    ] as const) {
      refuse = (method) => (method === "tools/call" ? status : undefined);
      asked.length = 0;
      expect(await call("w_fore_cast")).toBe(`result c1 ${words} (error)`);
      expect(asked.filter((method) => method.startsWith("call"))).toHaveLength(1);
    }
  });
});

describe("an MCP server's registration", () => {
  test("keeps its secret at its address, shows it to nobody, and is replaced as a whole", async () => {
    const { agents, made, alice } = await scene({ allowedTools: ["a"], needsApproval: true });
    expect(made?.mcpServers).toMatchObject([
      {
        name: "w",
        url,
        credential: "",
        hasCredential: true,
        allowedTools: ["a"],
        needsApproval: true,
        timeout: { seconds: 30n },
      },
    ]);
    expect((await alice.agents.getAgent({ agentId: "helper" })).agent?.mcpServers).toEqual([]);
    const update = (mcpServers: object[], who = agents) =>
      who.updateAgent({ agentId: "helper", agent: { mcpServers } });
    expect(await failureOf(update([{ name: "w", url: "https://elsewhere.example/" }]))).toMatchObject({
      message:
        "agent.mcp_servers[0].credential: must be given again for another address: it is sent only to where it was meant for",
    });
    expect((await update([{ name: "w", url: `${url}?v=2` }])).agent?.mcpServers).toMatchObject([
      { hasCredential: true },
    ]);
    const twice = [
      { name: "a", url },
      { name: "a", url },
    ];
    expect((await failureOf(update(twice))).message).toBe("agent.mcp_servers[1].name: must not occur twice");
    for (const other of ["file:///etc", `${url}\r\n`, `${url}\t`]) {
      expect((await failureOf(update([{ name: "a", url: other }]))).message).toBe(
        "agent.mcp_servers[0].url: must be a URL that begins with https:// or http://",
      );
    }
    expect((await failureOf(update([{ name: "a b", url }]))).code).toBe("InvalidArgument");
    const cleared = await agents.updateAgent({ agentId: "helper", agent: {}, updateMask: { paths: ["mcp_servers"] } });
    expect(cleared.agent?.mcpServers).toEqual([]);
  });

  test("is refused on private networks, by its address and by what its name resolves to", async () => {
    const strict = await startStoreServer({ agent: agent.connector, allowPrivate: false });
    const tenant = await strict.tenant("alice");
    const register = (address: string) =>
      tenant.key().agents.createAgent({
        agent: {
          name: address,
          connector: { case: "echo", value: {} },
          mcpServers: [{ name: "w", url: address }],
        } as object,
      });
    for (const address of [url, "http://localhost:1/", "http://169.254.169.254/mcp", "http://[::1]/"]) {
      expect((await failureOf(register(address))).message).toBe(
        "agent.mcp_servers[0].url: must not be on a private network, which takes COLLOQUY_AGENT_PRIVATE=yes",
      );
    }
    await strict.close();
    // A name is looked at when it is resolved.
    const guarded = createConnectors({ sealer: createSealer([Buffer.alloc(32)]), allowPrivate: false, toMessage });
    const servers = [url, url.replace("127.0.0.1", "localhost")].map((address, n) => ({
      name: `s${n}`,
      url: address,
      needsApproval: false,
      timeoutMs: 1_000,
    }));
    const row = { id: "a", version: 1, mcp_servers: servers } as unknown as AgentRow;
    expect(await guarded.mcpTools("t", row, AbortSignal.timeout(20_000))).toEqual([]);
    expect(asked).toEqual([]);
    await guarded.close();
  });
});

test("a tool that is none is left out, with its name and the rule that it breaks; the others stay", async () => {
  const good = { name: "good", inputSchema: { type: "object" } };
  const bad = [
    { name: "no-schema" },
    { name: "schema-text", inputSchema: "{}" },
    { name: "schema-list", inputSchema: { type: "array" } },
    { name: "untyped", inputSchema: {} },
    { ...good, name: "output-list", outputSchema: [] },
    { ...good, name: "null-words", description: null },
    { ...good, name: "title", annotations: { title: 5 } },
    { ...good, name: 7 },
    "text",
    null,
  ];
  listed = [bad[0], good, ...bad.slice(1), { ...good, name: "last" }] as typeof TOOLS;
  const web = createWebFetch({ maxBytes: 1 << 20 });
  const signal = AbortSignal.timeout(20_000);
  const session = await openMcpSession(url, undefined, web, 10_000, signal);
  const left: string[][] = [];
  const onBad = (...told: string[]) => void left.push(told);
  const limits = { tools: 128, wants: () => true, timeoutMs: 10_000, onBad };
  expect((await session.list(limits, signal)).map(({ name }) => name)).toEqual(["good", "last"]);
  expect(left.map(([name]) => name)).toEqual([
    "no-schema",
    "schema-text",
    "schema-list",
    "untyped",
    "output-list",
    "null-words",
    "title",
    "",
    "",
    "",
  ]);
  expect(left[5]).toEqual(["null-words", "description: Invalid input: expected string, received null"]);
  await session.close();
  await web.close();
});

test("a server of the protocol's stateless revision is asked too: this one's own", async () => {
  const own = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  const credential = (await (await own.tenant()).key("read", "write")).text;
  const web = createWebFetch({ maxBytes: 1 << 20 });
  const signal = AbortSignal.timeout(20_000);
  const session = await openMcpSession(`${own.url}/mcp`, credential, web, 10_000, signal);
  const limits = { tools: 3, wants: () => true, timeoutMs: 10_000, onBad: () => {} };
  const names = (await session.list(limits, signal)).map(({ name }) => name);
  expect(names).toHaveLength(3);
  const { structuredContent } = await session.call("list_conversations", {}, 10_000, signal);
  expect(structuredContent).toMatchObject({ conversations: [] });
  await session.close();
  await web.close();
  await own.close();
});
