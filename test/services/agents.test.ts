// AgentService, and the agents that it leads to, over real sockets and a real database.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentProtocol } from "../../gen/colloquy/v1/agent_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
import { type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { type FakeAgent, type FakeOpenAi, startFakeAgent, startFakeOpenAi } from "../support/services/agents.ts";

let server: StoreServer;
let strict: StoreServer;
let openai: FakeOpenAi;
let agent: FakeAgent;
beforeAll(async () => {
  [server, openai, agent] = await Promise.all([startStoreServer(), startFakeOpenAi(), startFakeAgent()]);
  strict = await startStoreServer({ allowPrivate: false });
});
afterAll(() => Promise.all([server.close(), strict.close(), openai.close(), agent.close()]));

const echo = { case: "echo", value: {} } as const;

async function chatWith(tenant: TestTenant, name: string, conversation: object = {}) {
  const clients = tenant.key();
  const made = await clients.conversations.createConversation({ conversation: { agent: name, ...conversation } });
  const conversationId = made.conversation?.id ?? "";
  return hear(clients.turns.chat({ conversationId, message: { content: "Hello there" } }));
}

describe("an agent", () => {
  test("is created with defaults, found by id and by name, listed by name, and deleted", async () => {
    const tenant = await server.tenant("alice");
    const { agents } = tenant.key();
    const { agent: made } = await agents.createAgent({ agent: { name: "b", connector: echo } });
    await agents.createAgent({ agent: { name: "a", connector: echo, description: "first" } });
    expect(made).toMatchObject({
      name: "b",
      hasCredential: false,
      credential: "",
      disabled: false,
      idleTimeout: { seconds: 30n },
      timeout: { seconds: 300n },
      etag: "1",
      connector: { case: "echo" },
    });
    const members = tenant.member("alice").agents;
    const byName = await members.getAgent({ agentId: "b" });
    expect(byName.agent).toMatchObject({ id: made?.id, connector: { case: undefined } });
    expect((await members.getAgent({ agentId: made?.id ?? "" })).agent).toEqual(byName.agent);
    const first = await members.listAgents({ pageSize: 1 });
    expect(first.agents.map(({ name }) => name)).toEqual(["a"]);
    const second = await members.listAgents({ pageSize: 1, pageToken: first.nextPageToken });
    expect([second.agents.map(({ name }) => name), second.nextPageToken]).toEqual([["b"], ""]);
    await agents.deleteAgent({ agentId: "b" });
    expect(await failureOf(agents.deleteAgent({ agentId: "b" }))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failureOf(members.getAgent({ agentId: made?.id ?? "" }))).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("has a name that no other has in its tenant", async () => {
    const [tenant, other] = [await server.tenant(), await server.tenant()];
    const { agents } = tenant.key();
    await agents.createAgent({ agent: { name: "one", connector: echo } });
    await agents.createAgent({ agent: { name: "two", connector: echo } });
    await other.key().agents.createAgent({ agent: { name: "one", connector: echo } });
    const again = failureOf(agents.createAgent({ agent: { name: "one", connector: echo } }));
    expect(await again).toMatchObject({ code: "AlreadyExists", reason: "ALREADY_EXISTS" });
    const renamed = failureOf(agents.updateAgent({ agentId: "two", agent: { name: "one" } }));
    expect(await renamed).toMatchObject({ code: "AlreadyExists", reason: "ALREADY_EXISTS" });
    expect(await failureOf(other.key().agents.getAgent({ agentId: "two" }))).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("is updated by mask and etag; the same again changes nothing", async () => {
    const { agents } = (await server.tenant()).key();
    await agents.createAgent({ agent: { name: "x", connector: echo, metadata: { a: 1 }, description: "before" } });
    const update = {
      agentId: "x",
      agent: { description: "after" },
      updateMask: { paths: ["description", "metadata"] },
    };
    const { agent: changed } = await agents.updateAgent({ ...update, etag: "1" });
    expect(changed).toMatchObject({ description: "after", etag: "2" });
    expect(changed?.metadata).toBeUndefined();
    expect((await agents.updateAgent(update)).agent).toEqual(changed);
    expect(await failureOf(agents.updateAgent({ ...update, etag: "1" }))).toMatchObject({ reason: "ETAG_MISMATCH" });
    const connector = { case: "openai", value: { model: "m" } } as const;
    const { agent: moved } = await agents.updateAgent({ agentId: "x", agent: { connector } });
    expect(moved?.connector).toMatchObject({ case: "openai", value: { model: "m" } });
    const none = failureOf(agents.updateAgent({ agentId: "x", agent: {}, updateMask: { paths: ["echo"] } }));
    expect(await none).toMatchObject({ reason: "INVALID_FIELD" });
  });

  test.each([
    ["no name", { connector: echo }],
    ["no connector", { name: "x" }],
    ["a URL of another kind", { name: "x", connector: { case: "connect", value: { baseUrl: "ftp://example.com" } } }],
    [
      "a secret in its URL",
      { name: "x", connector: { case: "connect", value: { baseUrl: "https://a:b@example.com" } } },
    ],
    ["no model", { name: "x", connector: { case: "openai", value: {} } }],
    ["no time", { name: "x", connector: echo, timeout: { seconds: 0n } }],
  ])("with %s is refused", async (_, wanted) => {
    const { agents } = (await server.tenant()).key();
    expect(await failureOf(agents.createAgent({ agent: wanted as never }))).toMatchObject({ reason: "INVALID_FIELD" });
  });
});

describe("a credential", () => {
  test("is sent to the agent, stored encrypted, never answered, and kept by an update that does not name it", async () => {
    const tenant = await server.tenant();
    const { agents } = tenant.key();
    const connector = {
      case: "openai",
      value: { baseUrl: openai.url, model: "m", instructions: "Be brief." },
    } as const;
    const made = await agents.createAgent({ agent: { name: "x", connector, credential: "sk-canary-1" } });
    expect(made.agent).toMatchObject({ credential: "", hasCredential: true });
    const text = "select row_to_json(agent)::text || credential::text as row from agent where tenant_id = $1";
    const [stored] = await server.database.query<{ row: string }>({ name: "test_agent_row", text }, [tenant.id]);
    expect(stored?.row).not.toContain("canary");
    expect(stored?.row).not.toContain(Buffer.from("sk-canary-1").toString("hex"));

    const read = await agents.getAgent({ agentId: "x" });
    await agents.updateAgent({ agentId: "x", agent: read.agent ?? {}, updateMask: { paths: ["*"] } });
    expect((await chatWith(tenant, "x")).ended?.turn?.state).toBe(TurnState.COMPLETE);
    expect(openai.calls.at(-1)?.headers.authorization).toBe("Bearer sk-canary-1");
    expect(openai.calls.at(-1)?.body).toMatchObject({
      model: "m",
      stream: true,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hello there" },
      ],
    });
    const cleared = await agents.updateAgent({ agentId: "x", agent: {}, updateMask: { paths: ["credential"] } });
    expect(cleared.agent?.hasCredential).toBe(false);
  });

  test("goes to nobody but whom it was given for: another address needs it again, or none", async () => {
    const tenant = await server.tenant();
    const { agents } = tenant.key();
    const at = (baseUrl: string) => ({ case: "openai", value: { baseUrl, model: "m" } }) as const;
    await agents.createAgent({ agent: { name: "x", connector: at(openai.url), credential: "sk-canary-3" } });
    const elsewhere = at("http://127.0.0.1:1/v1");
    const move = (agent: object, ...paths: string[]) =>
      agents.updateAgent({ agentId: "x", agent, ...(paths.length > 0 && { updateMask: { paths } }) });
    const connect = { case: "connect", value: { baseUrl: "http://127.0.0.1:1" } } as const;
    for (const connector of [elsewhere, connect, at("")]) {
      expect(await failureOf(move({ connector }))).toMatchObject({ reason: "INVALID_FIELD" });
    }
    expect(await failureOf(move({ name: "x", connector: elsewhere }, "*"))).toMatchObject({ reason: "INVALID_FIELD" });
    await move({ connector: echo });
    expect(await failureOf(move({ connector: elsewhere }))).toMatchObject({ reason: "INVALID_FIELD" });
    // To where it was given again, or without it, the agent may go.
    const { agent: given } = await move({ connector: elsewhere, credential: "sk-canary-4" });
    expect(given).toMatchObject({ hasCredential: true, connector: elsewhere });
    const { agent: same } = await move({ connector: at("http://127.0.0.1:1/v2") });
    expect(same).toMatchObject({ hasCredential: true });
    const { agent: bare } = await move({ connector: at(openai.url) }, "openai", "credential");
    expect(bare).toMatchObject({ hasCredential: false });
    expect((await move({ connector: elsewhere })).agent).toMatchObject({ hasCredential: false });
    // To the provider itself it goes only where that is said.
    expect(await failureOf(move({ connector: at("") }))).toMatchObject({
      reason: "INVALID_FIELD",
      message: expect.stringContaining("agent.openai.base_url: must be given"),
    });
    expect((await move({ connector: at("https://api.openai.com/v1") })).agent).toMatchObject({ hasCredential: false });
    expect((await move({ connector: echo })).agent).toMatchObject({ connector: echo });
    expect((await move({ connector: at("") })).agent).toMatchObject({ connector: at("") });
  });

  test("that was sealed for another agent does not open", async () => {
    const tenant = await server.tenant();
    const { agents } = tenant.key();
    const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
    await agents.createAgent({ agent: { name: "x", connector, credential: "sk-canary-2" } });
    await agents.createAgent({ agent: { name: "thief", connector } });
    const text = `/* test */ update agent set credential = (select credential from agent where tenant_id = $1 and name = 'x')
      where tenant_id = $1 and name = 'thief'`;
    await server.database.query({ name: "test_steal", text }, [tenant.id]);
    const calls = openai.calls.length;
    expect((await chatWith(tenant, "thief")).ended?.turn?.failure).toMatch(/credential cannot be read/);
    expect(openai.calls.length).toBe(calls);
  });
});

describe.each([
  ["Connect", AgentProtocol.CONNECT],
  ["gRPC", AgentProtocol.GRPC],
])("a service of the agent contract over %s", (_, protocol) => {
  test("is told of the conversation, and streams", async () => {
    const url = protocol === AgentProtocol.GRPC ? agent.h2Url : agent.url;
    const tenant = await server.tenant();
    const connector = { case: "connect", value: { baseUrl: url, protocol } } as const;
    await tenant.key().agents.createAgent({ agent: { name: "x", connector, credential: "s3cret" } });
    agent.answer = async function* ({ messages, agentName }) {
      yield { text: `${agentName} heard ` };
      yield { text: messages.at(-1)?.content ?? "" };
    };
    const heard = await chatWith(tenant, "x", { persona: { mood: "calm" }, mode: "support" });
    expect(heard.text).toBe("x heard Hello there");
    expect(agent.calls.at(-1)).toMatchObject({
      authorization: "Bearer s3cret",
      request: {
        tenantId: tenant.id,
        turnId: heard.started?.turn?.id,
        agentName: "x",
        mode: "support",
        persona: { mood: "calm" },
        messages: [{ content: "Hello there", seq: heard.started?.message?.seq }],
      },
    });
  });

  test("is told when nobody wants its reply any more", async () => {
    const url = protocol === AgentProtocol.GRPC ? agent.h2Url : agent.url;
    const tenant = await server.tenant();
    const connector = { case: "connect", value: { baseUrl: url, protocol } } as const;
    await tenant.key().agents.createAgent({ agent: { name: "x", connector } });
    const speaking = Promise.withResolvers<AbortSignal>();
    agent.answer = async function* (_request, signal) {
      yield { text: "still" };
      speaking.resolve(signal);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    const chatting = chatWith(tenant, "x");
    const signal = await speaking.promise;
    const text = "select id from turn where tenant_id = $1";
    const [turn] = await server.database.query<{ id: string }>({ name: "test_turn_id", text }, [tenant.id]);
    await tenant.key().turns.cancelTurn({ turnId: turn?.id ?? "" });
    expect((await chatting).ended?.turn?.state).toBe(TurnState.CANCELLED);
    await expect.poll(() => signal.aborted).toBe(true);
  });
});

test("no connection to a service over gRPC outlives its reply", async () => {
  const tenant = await server.tenant();
  const connector = { case: "connect", value: { baseUrl: agent.h2Url, protocol: AgentProtocol.GRPC } } as const;
  await tenant.key().agents.createAgent({ agent: { name: "x", connector } });
  agent.answer = async function* () {
    yield { text: "Hello" };
  };
  for (let turn = 0; turn < 3; turn++) expect((await chatWith(tenant, "x")).text).toBe("Hello");
  await expect.poll(() => agent.h2Connections()).toBe(0);
});

describe("where private networks are closed", () => {
  test.each([
    ...["http://127.0.0.1:1", "http://localhost:1", "http://10.1.2.3", "http://[::1]", "http://[::ffff:127.0.0.1]"],
    ...[
      "http://169.254.169.254/latest",
      "http://0x7f.1",
      "http://2130706433",
      "http://[fd00::1]",
      "http://x.localhost",
    ],
  ])("an agent at %s is refused", async (baseUrl) => {
    const { agents } = (await strict.tenant()).key();
    for (const kind of ["connect", "openai"] as const) {
      const connector = { case: kind, value: { baseUrl, model: "m" } } as never;
      const failure = await failureOf(agents.createAgent({ agent: { name: "x", connector } }));
      expect(failure).toMatchObject({ reason: "INVALID_FIELD", message: expect.stringContaining("private network") });
    }
  });

  test("one that was stored when they were open is not connected to, nor one whose name leads there", async () => {
    let connections = 0;
    const inside = createServer().on("connection", () => connections++);
    await new Promise<void>((resolve) => inside.listen(0, "127.0.0.1", resolve));
    const { port } = inside.address() as AddressInfo;
    const tenant = await strict.tenant();
    const { agents } = tenant.key();
    for (const kind of ["connect", "openai"] as const) {
      for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"]) {
        const connector = { case: kind, value: { baseUrl: "https://agent.example", model: "m" } } as never;
        const name = `${kind}-${host}`;
        await agents.createAgent({ agent: { name, connector } });
        const text =
          "update agent set settings = settings || jsonb_build_object('baseUrl', $2::text) where tenant_id = $1";
        await strict.database.query({ name: "test_rebind", text }, [tenant.id, `http://${host}:${port}`]);
        const heard = await chatWith(tenant, name);
        expect(heard.ended?.turn?.failure, name).toMatch(/private network/);
      }
    }
    expect(connections).toBe(0);
    inside.close();
  });
});
