// Tools that the server asks over HTTP, approval, and turns that go on at another server.
import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { freePort } from "../support/services/free-port.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
let beside: StoreServer;
let tools: Server;
let url = "";
const asked: { body: string; authorization: string | undefined }[] = [];
let breaks = false;
let answer: { status: number; body: string; type?: string } = { status: 200, body: '{"n": 1.10}' };
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
  beside = await startStoreServer({ agent: agent.connector, beside: server });
  tools = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({ body: Buffer.concat(chunks).toString(), authorization: request.headers.authorization });
    if (breaks) return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": answer.type ?? "application/json" }).end(answer.body);
  });
  await new Promise<void>((resolve) => tools.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(tools.address() as AddressInfo).port}/look`;
});
afterAll(async () => {
  await beside.close();
  await server.close();
  tools.closeAllConnections();
  await new Promise((resolve) => tools.close(resolve));
});
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
  asked.length = 0;
  breaks = false;
  answer = { status: 200, body: '{"n": 1.10}' };
});

interface Scene {
  readonly tenant: TestTenant;
  readonly alice: Clients;
  readonly conversationId: string;
}

async function scene(tool: object = {}): Promise<Scene> {
  const tenant = await server.tenant("alice");
  const runs = { case: "http", value: { url, credential: "secret" } };
  const own = { name: "helper", connector: { case: "echo", value: {} }, tools: [{ name: "look", runs, ...tool }] };
  await tenant.key().agents.createAgent({ agent: own as object });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  return { tenant, alice, conversationId: conversation?.id ?? "" };
}

const chat = ({ alice, conversationId }: Scene) =>
  alice.turns.chat({ conversationId, message: { content: "hi" }, streamEntries: true });

describe("a tool over HTTP", () => {
  test("gets the call with its arguments as they were written, and the turn goes on with its answer", async () => {
    const own = await scene();
    agent.script.push(
      says(calls("c1", "look", '{"n": 12345678901234567890}'), calls("c2", "look")),
      says(text("Done.")),
    );
    const { turn, turnId } = await readTurn(chat(own));
    expect(turn).toMatchObject({ state: TurnState.COMPLETE, step: 2 });
    const { conversationId } = own;
    expect(asked.find(({ body }) => body.includes("c1"))).toEqual({
      authorization: "Bearer secret",
      body: `{"toolCallId":"c1","name":"look","conversationId":"${conversationId}","turnId":"${turnId}","input":{"n": 12345678901234567890}}`,
    });
    const results = given(agent.requests[1] as never).filter((line) => line.startsWith("result"));
    expect(results.sort()).toEqual(['result c1 {"n": 1.10}', 'result c2 {"n": 1.10}']);
  });

  test.each([
    [500, "broken", "the tool returned status 500: broken"],
    [302, "", "the tool returned status 302"],
  ])("that answers %i has failed, and the turn goes on", async (status, body, why) => {
    const own = await scene();
    answer = { status, body };
    agent.script.push(says(calls("c1", "look")), says(text("Sorry.")));
    expect((await readTurn(chat(own))).turn?.state).toBe(TurnState.COMPLETE);
    expect(given(agent.requests[1] as never).at(-1)).toBe(`result c1 ${why} (error)`);
  });

  test.each([200, 500])("that repeats its credential with status %i says it to nobody", async (status) => {
    const credential = "sk-of-the-tool";
    const own = await scene({ runs: { case: "http", value: { url, credential } } });
    answer = { status, body: `denied: Bearer ${credential}`, type: "text/plain" };
    agent.script.push(says(calls("c1", "look")), says(text("Sorry.")));
    await readTurn(chat(own));
    expect(asked.at(-1)?.authorization).toBe(`Bearer ${credential}`);
    expect(given(agent.requests[1] as never).at(-1)).toContain("denied: Bearer [redacted]");
  });

  test("whose connection breaks may have run the call, which the agent reads; one that nobody got has not", async () => {
    const own = await scene();
    breaks = true;
    agent.script.push(says(calls("c1", "look")), says(text("Sorry.")));
    expect((await readTurn(chat(own))).turn?.state).toBe(TurnState.COMPLETE);
    const unknown = "the call may have run, its outcome is unknown";
    expect(given(agent.requests[1] as never).at(-1)).toBe(
      `result c1 the connection to the tool broke off: ${unknown} (error)`,
    );
    expect(asked).toHaveLength(1);
    const closed = await scene({ runs: { case: "http", value: { url: `http://127.0.0.1:${await freePort()}/` } } });
    agent.script.push(says(calls("c1", "look")), says(text("Sorry.")));
    await readTurn(chat(closed));
    expect(given(agent.requests.at(-1) as never).at(-1)).toBe("result c1 the tool cannot be reached (error)");
  });

  test("is not asked with arguments that are no JSON, nor believed beyond its bounds", async () => {
    const own = await scene();
    answer = { status: 200, body: "x".repeat(300_000) };
    agent.script.push(says(calls("c1", "look", "{at")), says(calls("c2", "look")), says(text("Sorry.")));
    expect((await readTurn(chat(own))).turn?.state).toBe(TurnState.COMPLETE);
    expect(asked).toHaveLength(1);
    expect(given(agent.requests[2] as never).slice(-3)).toEqual([
      "result c1 the arguments are refused: must be JSON, which it is not at character 2 (error)",
      "call c2 look {}",
      "result c2 the tool returned more than 262144 bytes (error)",
    ]);
  });

  test("is not read as text where it returns a picture", async () => {
    const own = await scene();
    answer = { status: 200, body: "\u0089PNG\r\n", type: "image/png" };
    agent.script.push(says(calls("c1", "look")), says(text("Sorry.")));
    expect((await readTurn(chat(own))).turn?.state).toBe(TurnState.COMPLETE);
    expect(given(agent.requests[1] as never).at(-1)).toBe(
      "result c1 the tool returned image/png: it must return text or JSON (error)",
    );
  });

  test("keeps its secret at its address, and shows it to nobody", async () => {
    const { tenant } = await scene();
    const { agents } = tenant.key();
    const update = (address: string) =>
      agents.updateAgent({
        agentId: "helper",
        agent: { tools: [{ name: "look", runs: { case: "http", value: { url: address } } }] },
      });
    const moved = await failureOf(update("https://elsewhere.example/"));
    expect(moved).toMatchObject({
      message:
        "agent.tools[0].http.credential: must be given again for another address: it is sent only to where it was meant for",
    });
    const { agent: kept } = await update(`${url}?v=2`);
    expect(kept?.tools).toMatchObject([{ runs: { case: "http", value: { hasCredential: true, credential: "" } } }]);
    const { agent: seen } = await tenant.member("alice").agents.getAgent({ agentId: "helper" });
    expect(seen?.tools).toEqual([]);
  });
});

describe("a call that needs approval", () => {
  test("is asked about, runs once it is allowed, and tells the agent where it is not", async () => {
    const own = await scene({ needsApproval: true });
    agent.script.push(says(calls("c1", "look"), calls("c2", "look")), says(text("Done.")));
    const waiting = await readTurn(chat(own));
    const { turnId } = waiting;
    expect(waiting.lines.slice(-4)).toEqual([
      "2 APPROVAL_REQUEST",
      "2 ended at 5",
      "3 APPROVAL_REQUEST",
      "3 ended at 6",
    ]);
    expect(asked).toEqual([]);
    const [first, second] = waiting.turn?.awaited ?? [];
    expect([first?.callId, second?.callId]).toEqual(["c1", "c2"]);
    // A result is not what is asked for.
    const result = own.alice.turns.answerTurn({
      turnId,
      results: [{ callId: "c1", output: { case: "text", value: "x" } }],
    });
    expect(await failureOf(result)).toMatchObject({ reason: "NOT_AWAITED" });
    const approvals = [
      { approvalId: first?.approvalId ?? "", granted: true },
      { approvalId: second?.approvalId ?? "", granted: false, reason: "not now" },
    ];
    await own.alice.turns.answerTurn({ turnId, approvals });
    const read = await readTurn(own.alice.turns.resumeTurn({ turnId, streamEntries: true }));
    expect(read.turn?.state).toBe(TurnState.COMPLETE);
    expect(asked).toHaveLength(1);
    expect(given(agent.requests[1] as never)).toEqual([
      "hi",
      "call c1 look {}",
      "call c2 look {}",
      "result c2 not allowed: not now (error)",
      'result c1 {"n": 1.10}',
    ]);
    expect(await failureOf(own.alice.turns.answerTurn({ turnId, approvals }))).toMatchObject({ reason: "NOT_AWAITED" });
  });
});

describe("two servers", () => {
  test("a turn that waits goes on at the one that gets the answer, and is read from any cursor at either", async () => {
    const own = await scene({ runs: { case: "client", value: {} } });
    const there = beside.sameTenant(own.tenant).member("alice");
    agent.script.push(says(text("One "), text("moment."), calls("c1", "look", '{"at": 1}')), says(text("A cat.")));
    const { turnId } = await readTurn(chat(own));
    await there.turns.answerTurn({ turnId, results: [{ callId: "c1", output: { case: "text", value: "x" } }] });
    const whole = await readTurn(own.alice.turns.resumeTurn({ turnId, streamEntries: true }));
    expect(whole.turn?.state).toBe(TurnState.COMPLETE);
    for (const { cursor, lines } of whole.cursors) {
      const from = await readTurn(there.turns.resumeTurn({ turnId, cursor }), { before: lines });
      expect(from.lines, `from ${cursor}`).toEqual(whole.lines);
    }
    const bad = readTurn(there.turns.resumeTurn({ turnId, cursor: "7", streamEntries: true }));
    expect((await bad).error).toBeDefined();
  });

  test("a turn whose server is gone between a call and its result fails, and its calls are closed", async () => {
    const own = await scene();
    agent.script.push(says(text("See:"), calls("c1", "look")), async function* () {
      await new Promise(() => {});
      yield text("never");
      return undefined;
    });
    const reading = readTurn(chat(own));
    await expect.poll(() => agent.requests.length).toBe(2);
    const { conversationId } = own;
    const [row] = await server.database.query<{ id: string }>(
      {
        name: "test_kill",
        text: "update turn set server = $3::uuid, lease_time = now() - interval '1 hour' where tenant_id = $2 and conversation_id = $1::uuid returning id",
      },
      [conversationId, own.tenant.id, randomUUID()],
    );
    const { turn, turnId } = await reading;
    expect(row?.id).toBe(turnId);
    expect(turn).toMatchObject({ state: TurnState.FAILED, failure: "the server that ran the turn is gone" });
    const { messages } = await own.alice.messages.listMessages({ conversationId, afterSeq: 2n, kinds: [1, 3, 4] });
    expect(messages.map(({ kind }) => kind)).toEqual([1, 3, 4]);
  });
});
