// Faults of turns, tools, approvals and regeneration in other products, tried here. Each names the report that showed
// it.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace } from "../../gen/colloquy/v1/part_pb.ts";
import { TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text, whole } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
let beside: StoreServer;
let tools: Server;
let url = "";
/** The calls that tools got, and whether they answer. */
const ran: string[] = [];
let hangs: ((response: ServerResponse) => void) | undefined;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
  beside = await startStoreServer({ agent: agent.connector, beside: server });
  tools = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { toolCallId, input } = JSON.parse(Buffer.concat(chunks).toString());
    ran.push(`${toolCallId} ${JSON.stringify(input)}`);
    if (hangs === undefined) response.end(JSON.stringify(`did ${toolCallId}`));
    else hangs(response);
  });
  await new Promise<void>((resolve) => tools.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(tools.address() as AddressInfo).port}/`;
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
  ran.length = 0;
  hangs = undefined;
});

const http = () => ({ case: "http", value: { url } }) as const;
const client = { case: "client", value: {} } as const;

/**
 * Alice and Bob in a conversation with an agent that has `act` (which is asked about), `look` (HTTP) and `ask` (a
 * client's).
 */
async function scene() {
  const tenant = await server.tenant("alice", "bob");
  const { agents } = tenant.key();
  const own = [
    { name: "act", runs: http(), needsApproval: true },
    { name: "look", runs: http() },
    { name: "ask", runs: client },
  ];
  await agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} }, tools: own } });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({
    conversation: { agent: "helper" },
    participantIds: ["bob"],
  });
  const conversationId = conversation?.id ?? "";
  const ask = (content = "hi", more: object = {}) =>
    readTurn(alice.turns.chat({ conversationId, message: { content }, streamEntries: true, ...more }));
  /** What the agent gets of all this next. */
  const next = async (content = "next") => {
    agent.script.push(says(text("ok")));
    await ask(content);
    return given(agent.requests.at(-1) as never);
  };
  return { tenant, agents, alice, bob: tenant.member("bob"), conversationId, ask, next };
}

const result = (callId: string, value = "x") => ({ callId, output: { case: "text" as const, value } });
const resume = ({ turns }: Clients, turnId: string) =>
  readTurn(turns.resumeTurn({ turnId, streamEntries: true }), { stopsAtWait: false });

describe("F-TURN: calls and results", () => {
  test("langchain-ai/langgraph#4289, #1423 (js): a turn that breaks between call and result leaves no call without one", async () => {
    const { ask, next } = await scene();
    agent.script.push(async function* () {
      yield* calls("c1", "ask");
      yield text("And ");
      throw new Error("broken");
    });
    expect((await ask()).turn?.state).toBe(TurnState.FAILED);
    const seen = await next();
    expect(seen.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "hi",
      "call c1",
      "And ",
      "result c1",
      "next",
    ]);
  });

  test("NousResearch/hermes-agent#81017: a call whose arguments never came is not run with empty ones", async () => {
    const { ask, next } = await scene();
    agent.script.push(async function* () {
      yield { kind: "tool_call", callId: "c1", name: "look" };
      throw new Error("the connection broke");
    });
    expect((await ask()).turn?.state).toBe(TurnState.FAILED);
    expect(await next()).toEqual(["hi", "next"]);
    expect(ran).toEqual([]);
  });

  test("CopilotKit/CopilotKit#2504: a call of a tool that does not exist gets an error, and the conversation goes on", async () => {
    const { ask, next } = await scene();
    agent.script.push(says(calls("c1", "nope"), calls("c2", "look")), says(text("Sorry.")));
    expect((await ask()).turn?.state).toBe(TurnState.COMPLETE);
    const seen = await next();
    expect(seen.filter((line) => line.startsWith("result")).sort()).toEqual([
      "result c1 there is no tool of this name (error)",
      'result c2 "did c2"',
    ]);
  });

  test("huggingface/chat-ui#2470, moltis-org/moltis#319: the next turn sees what the agent called and got", async () => {
    const { ask, next } = await scene();
    agent.script.push(says(calls("c1", "look", '{"q":1}')), says(text("Found.")));
    await ask();
    expect(await next()).toEqual(["hi", 'call c1 look {"q":1}', 'result c1 "did c1"', "Found.", "next"]);
  });

  test.each(["false", "0", '""', "null"])(
    "pipecat-ai/pipecat#4298, mastra-ai/mastra#21319: %s is a result like any other",
    async (value) => {
      const { ask, alice } = await scene();
      agent.script.push(says(calls("c1", "ask")), says(text("So be it.")));
      const { turnId } = await ask();
      await alice.turns.answerTurn({ turnId, results: [{ callId: "c1", output: { case: "json", value } }] });
      expect((await resume(alice, turnId)).turn?.state).toBe(TurnState.COMPLETE);
      expect(given(agent.requests[1] as never).at(-1)).toBe(`result c1 ${value}`);
    },
  );

  test("anthropics/anthropic-sdk-python#1325: what a provider ran in the same step is kept beside a client's call", async () => {
    const { ask, alice } = await scene();
    const found = { callId: "s1", output: { case: "text", value: "sun" } } as const;
    agent.script.push(
      says(
        { kind: "tool_call", callId: "s1", name: "web_search", runsAt: ToolPlace.PROVIDER },
        calls("c1", "ask"),
        whole(MessageKind.TOOL_RESULT, { content: { case: "toolResult", value: found } }),
      ),
      says(text("Both.")),
    );
    const { turnId, turn } = await ask();
    expect(turn?.awaited.map(({ callId }) => callId)).toEqual(["c1"]);
    await alice.turns.answerTurn({ turnId, results: [result("c1")] });
    expect((await resume(alice, turnId)).turn?.state).toBe(TurnState.COMPLETE);
    expect(
      given(agent.requests[1] as never)
        .slice(1)
        .sort(),
    ).toEqual(["call c1 ask {}", "call s1 web_search ", "result c1 x", "result s1 sun"]);
  });

  test("a result that two clients bring at once counts once, at whichever server", async () => {
    const { tenant, ask, alice, conversationId } = await scene();
    agent.script.push(says(calls("c1", "ask")), says(text("Done.")));
    const { turnId } = await ask();
    const there = beside.sameTenant(tenant).member("bob");
    const both = await Promise.allSettled(
      [alice, there, alice, there].map(({ turns }, n) => turns.answerTurn({ turnId, results: [result("c1", `${n}`)] })),
    );
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await resume(alice, turnId);
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: [MessageKind.TOOL_RESULT] });
    expect(messages).toHaveLength(1);
    expect(agent.requests).toHaveLength(2);
  });
});

describe("F-TURN: approvals", () => {
  /** A turn that asks whether two calls may run, and one that runs anyway. */
  async function two() {
    const own = await scene();
    agent.script.push(says(calls("a", "act"), calls("b", "act"), calls("l", "look")), says(text("Done.")));
    const { turnId, turn } = await own.ask();
    const [a = "", b = ""] = turn?.awaited.map(({ approvalId }) => approvalId) ?? [];
    return { ...own, turnId, a, b };
  }

  test("microsoft/agent-framework#6910, lvndry/jazz#518: of parallel calls each is asked about or run, once", async () => {
    const { alice, turnId, a, b } = await two();
    expect(ran).toEqual(["l {}"]);
    await alice.turns.answerTurn({
      turnId,
      approvals: [a, b].map((approvalId) => ({ approvalId, granted: true })),
    });
    await resume(alice, turnId);
    expect(ran.toSorted()).toEqual(["a {}", "b {}", "l {}"]);
    expect(
      given(agent.requests[1] as never)
        .filter((line) => line.startsWith("result"))
        .sort(),
    ).toEqual(['result a "did a"', 'result b "did b"', 'result l "did l"']);
  });

  test("mastra-ai/mastra#19528, langchain-ai/langgraph#6533: answers go to the calls that they name, in any order", async () => {
    const { alice, turnId, a, b } = await two();
    await alice.turns.answerTurn({ turnId, approvals: [{ approvalId: b, granted: false, reason: "not b" }] });
    const { turn } = await alice.turns.getTurn({ turnId });
    expect(turn?.awaited.map(({ callId, approvalId }) => [callId, approvalId])).toEqual([["a", a]]);
    await alice.turns.answerTurn({ turnId, approvals: [{ approvalId: a, granted: true }] });
    await resume(alice, turnId);
    expect(ran.toSorted()).toEqual(["a {}", "l {}"]);
    // openai/openai-agents-python#2660: the agent reads the reason.
    expect(given(agent.requests[1] as never)).toContain("result b not allowed: not b (error)");
  });

  test("letta-ai/letta-code#101: an answer to an old question is refused, and part of the answers does not go on", async () => {
    const { alice, ask, turnId, a, b } = await two();
    await alice.turns.answerTurn({ turnId, approvals: [a, b].map((approvalId) => ({ approvalId, granted: false })) });
    await resume(alice, turnId);
    agent.script.push(says(calls("c", "act"), calls("d", "act")), says(text("Done.")));
    const second = await ask("again");
    const stale = alice.turns.answerTurn({ turnId: second.turnId, approvals: [{ approvalId: a, granted: true }] });
    expect((await failureOf(stale)).reason).toBe("NOT_AWAITED");
    const approvalId = second.turn?.awaited[0]?.approvalId ?? "";
    await alice.turns.answerTurn({ turnId: second.turnId, approvals: [{ approvalId, granted: true }] });
    expect((await alice.turns.getTurn({ turnId: second.turnId })).turn?.state).toBe(TurnState.INPUT_REQUIRED);
    expect(ran).toEqual(["l {}"]);
  });

  test("mastra-ai/mastra#20487: what was declined never runs, though its tool asks no longer and another server goes on", async () => {
    const { tenant, agents, alice, turnId, a, b } = await two();
    await agents.updateAgent({ agentId: "helper", agent: { tools: [{ name: "act", runs: http() }] } });
    const there = beside.sameTenant(tenant).member("alice");
    await there.turns.answerTurn({ turnId, approvals: [a, b].map((approvalId) => ({ approvalId, granted: false })) });
    await resume(alice, turnId);
    expect(ran).toEqual(["l {}"]);
  });

  test("openai/openai-agents-js#1418: what was allowed is not asked about again; a tool that is gone by then has failed", async () => {
    const { agents, alice, turnId, a, b } = await two();
    await alice.turns.answerTurn({ turnId, approvals: [{ approvalId: a, granted: true }] });
    await agents.updateAgent({ agentId: "helper", agent: { tools: [{ name: "look", runs: http() }] } });
    await alice.turns.answerTurn({ turnId, approvals: [{ approvalId: b, granted: true }] });
    const { turn } = await resume(alice, turnId);
    expect(turn?.state).toBe(TurnState.COMPLETE);
    expect(ran).toEqual(["l {}"]);
    const results = given(agent.requests[1] as never).filter((line) => /^result [ab]/.test(line));
    expect(results.sort()).toEqual([
      "result a this tool no longer exists (error)",
      "result b this tool no longer exists (error)",
    ]);
  });

  test("openai/openai-agents-js#1435: after several questions in one turn each result is there once", async () => {
    const { alice, ask } = await scene();
    agent.script.push(
      says(calls("c1", "act")),
      says(calls("c2", "act")),
      says(calls("c3", "act")),
      says(text("Done.")),
    );
    const { turnId } = await ask();
    for (let step = 1; step <= 3; step++) {
      const now = async () => (await alice.turns.getTurn({ turnId })).turn;
      await expect.poll(now).toMatchObject({ step, state: TurnState.INPUT_REQUIRED });
      const approvalId = (await now())?.awaited[0]?.approvalId ?? "";
      await alice.turns.answerTurn({ turnId, approvals: [{ approvalId, granted: true }] });
    }
    await resume(alice, turnId);
    expect(ran).toEqual(["c1 {}", "c2 {}", "c3 {}"]);
    expect(given(agent.requests.at(-1) as never)).toEqual([
      "hi",
      ...["c1", "c2", "c3"].flatMap((id) => [`call ${id} act {}`, `result ${id} "did ${id}"`]),
    ]);
  });

  test("vercel/ai#21193, Agenta-AI/agenta#5598: a question is answered though the talk went on, by another, with no stream open", async () => {
    const { alice, bob, conversationId, turnId, a, b } = await two();
    // openai/openai-python#1023, openai/openai-dotnet#87: messages are taken while a turn is open.
    await alice.messages.sendMessage({ conversationId, message: { content: "meanwhile" } });
    await alice.messages.sendMessage({ conversationId, message: { content: "aside", role: MessageRole.ASSISTANT } });
    await bob.turns.answerTurn({ turnId, approvals: [a, b].map((approvalId) => ({ approvalId, granted: true })) });
    const { turn } = await resume(alice, turnId);
    expect(turn?.state).toBe(TurnState.COMPLETE);
    expect(ran).toHaveLength(3);
    // What belongs to the turn stays together, call before result.
    const seen = given(agent.requests[1] as never);
    expect(seen.slice(0, 4)).toEqual(["meanwhile", "aside", "hi", "call a act {}"]);
  });

  test("mastra-ai/mastra#18939, #10542: after a restart the turns that wait are found, with what they said and the ids of what they wait for", async () => {
    const { tenant, conversationId, turnId, a, b } = await two();
    const there = beside.sameTenant(tenant).member("bob");
    const { turns } = await there.turns.listTurns({ conversationId, state: TurnState.INPUT_REQUIRED });
    expect(turns.map(({ id, awaited }) => [id, awaited.map(({ callId, approvalId }) => [callId, approvalId])])).toEqual(
      [
        [
          turnId,
          [
            ["a", a],
            ["b", b],
          ],
        ],
      ],
    );
    const { messages } = await there.messages.listMessages({ conversationId, kinds: [1, 3, 5] });
    expect(messages.map(({ kind }) => kind)).toEqual([1, 3, 3, 3, 5, 5]);
  });

  test("vercel/ai#10196, mastra-ai/mastra#11531: the stream of a resumed turn has the call before its result", async () => {
    const { alice, turnId, a, b } = await two();
    await alice.turns.answerTurn({ turnId, approvals: [a, b].map((approvalId) => ({ approvalId, granted: true })) });
    const { lines } = await resume(alice, turnId);
    const begun = lines.filter((line) => /TOOL_(CALL|RESULT)/.test(line)).map((line) => line.split(" ")[1]);
    expect(begun.slice(0, 3)).toEqual(["TOOL_CALL", "TOOL_CALL", "TOOL_CALL"]);
    expect(begun.slice(3)).toEqual(["TOOL_RESULT", "TOOL_RESULT", "TOOL_RESULT"]);
  });
});

describe("F-TURN: stopping", () => {
  test("sudoprivacy/sudocode#550: a tool that hangs is let go of when the turn is cancelled", async () => {
    const { alice, ask, next, conversationId } = await scene();
    const closed = Promise.withResolvers<void>();
    hangs = (response) => response.on("close", () => closed.resolve());
    agent.script.push(says(calls("c1", "look")));
    const reading = ask();
    await expect.poll(() => ran.length).toBe(1);
    const { turns } = await alice.turns.listTurns({ conversationId });
    const { turn } = await alice.turns.cancelTurn({ turnId: turns[0]?.id ?? "" });
    expect(turn?.state).toBe(TurnState.CANCELLED);
    await closed.promise;
    await reading;
    // open-webui/open-webui#24940: what is sent next finds every call with a result; adamjmurray/producer-pal#1102:
    // which says why. CopilotKit/CopilotKit#6851: it is an error, no empty success.
    expect(await next("hi")).toEqual([
      "hi",
      "call c1 look {}",
      "result c1 no result: the turn was cancelled; it may have run (error)",
      "hi",
    ]);
  });

  test("umbraco/Umbraco.AI#383: a client's call that its turn's end finds open is closed for the agent", async () => {
    const { alice, ask, next } = await scene();
    agent.script.push(says(calls("c1", "ask"), calls("c2", "ask")));
    const { turnId } = await ask();
    await alice.turns.answerTurn({ turnId, results: [result("c2")] });
    await alice.turns.cancelTurn({ turnId });
    expect((await next()).slice(1, -1)).toEqual([
      "call c1 ask {}",
      "call c2 ask {}",
      "result c2 x",
      "result c1 not answered (error)",
    ]);
  });
});

describe("F-TURN: regenerating", () => {
  test("SillyTavern/SillyTavern#2778: while the reply is generated, and while it waits for a tool", async () => {
    const { alice, ask, conversationId } = await scene();
    agent.script.push(says(text("One moment."), calls("c1", "ask")), says(text("Instead.")));
    const { turnId } = await ask();
    const heard = await hear(alice.turns.regenerate({ conversationId, ifRunning: TurnPolicy.INTERRUPT }));
    expect(heard.ended?.reply?.content).toBe("Instead.");
    expect((await alice.turns.getTurn({ turnId })).turn?.state).toBe(TurnState.CANCELLED);
    // ConGustoAI/chat#158, jupyter-naas/abi#1102: no message twice, and nothing of the replaced reply.
    expect(given(agent.requests[1] as never)).toEqual(["hi"]);
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: [1, 3, 4] });
    expect(messages.map(({ content }) => content)).toEqual(["hi", "Instead."]);
  });

  test("CopilotKit/CopilotKit#2019: the tools run again, and each reply keeps its own calls and results", async () => {
    const { alice, ask, conversationId } = await scene();
    agent.script.push(says(calls("c1", "look")), says(text("Once.")), says(calls("c1", "look")), says(text("Twice.")));
    await ask();
    const again = await hear(alice.turns.regenerate({ conversationId }));
    expect(ran).toEqual(["c1 {}", "c1 {}"]);
    const shown = async (branchMessageId = "") =>
      (await alice.messages.listMessages({ conversationId, kinds: [1, 3, 4], branchMessageId })).messages.map(
        ({ kind, content, turnId }) => [kind, content, turnId === again.ended?.turn?.id],
      );
    expect(await shown()).toEqual([
      [1, "hi", false],
      [3, "", true],
      [4, "", true],
      [1, "Twice.", true],
    ]);
    const { branches } = await alice.messages.listBranches({ conversationId });
    expect((await shown(branches.find(({ live }) => !live)?.messageId)).at(-1)).toEqual([1, "Once.", false]);
  });

  test("ThinkInAIXYZ/deepchat#901, bytedance/deer-flow#4358: in a fork, of a reply with tools, after a regeneration too", async () => {
    const { alice, ask, conversationId } = await scene();
    agent.script.push(says(calls("c1", "look")), says(text("Once.")), says(text("Again.")), says(text("In the fork.")));
    await ask();
    await hear(alice.turns.regenerate({ conversationId }));
    const { conversation } = await alice.conversations.forkConversation({ conversationId });
    const heard = await hear(alice.turns.regenerate({ conversationId: conversation?.id ?? "" }));
    expect(heard.error).toBeUndefined();
    expect(given(agent.requests.at(-1) as never)).toEqual(["hi"]);
  });

  test("anima-research/animachat#42, HKUDS/DeepTutor#698: after another branch was selected, of that branch", async () => {
    const { alice, ask, conversationId } = await scene();
    agent.script.push(says(text("a1")));
    await ask("u1");
    const { messages } = await alice.messages.listMessages({ conversationId });
    agent.script.push(says(text("b1")));
    await ask("v1", { message: { content: "v1", parentId: conversationId } });
    await alice.messages.selectBranch({ conversationId, messageId: messages[1]?.id ?? "" });
    agent.script.push(says(text("a2")));
    const heard = await hear(alice.turns.regenerate({ conversationId }));
    expect(heard.started?.message?.content).toBe("u1");
    const after = await alice.messages.listMessages({ conversationId });
    expect(after.messages.map(({ content }) => content)).toEqual(["u1", "a2"]);
  });
});
