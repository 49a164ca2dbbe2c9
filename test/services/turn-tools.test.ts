// Turns that call tools: what is stored, what the agent gets, who answers, and how a turn ends that waits.
import { ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MessageKind, MessageRole, MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace } from "../../gen/colloquy/v1/part_pb.ts";
import { FinishReason, TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { failureOf } from "../support/failure.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { KINDS, readTurn } from "../support/fronts/turn-events.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text, thought, whole } from "../support/services/scripted-agent.ts";

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

const LOOK = { name: "look", description: "Looks", inputSchemaJson: '{"type":"object"}' } as const;

interface Scene {
  readonly tenant: TestTenant;
  readonly alice: Clients;
  readonly conversationId: string;
}

async function scene(tools: object[] = [LOOK], more: object = {}): Promise<Scene> {
  const tenant = await server.tenant("alice", "bob");
  await tenant
    .key()
    .agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} }, tools, ...more } });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  return { tenant, alice, conversationId: conversation?.id ?? "" };
}

const chat = ({ alice, conversationId }: Scene, content = "hi", more: object = {}) =>
  alice.turns.chat({ conversationId, message: { content }, streamEntries: true, ...more });

/** The log after the message: kind, what it holds, its step. */
async function log({ alice, conversationId }: Scene): Promise<string[]> {
  const { messages } = await alice.messages.listMessages({
    conversationId,
    afterSeq: 2n,
    kinds: [1, 2, 3, 4, 5, 6, 7],
  });
  return messages.map(({ kind, content, parts, step }) => {
    const [part] = parts;
    const words = part === undefined ? content : `${part.content.case}`;
    return `${step} ${KINDS.get(kind)} ${words}`;
  });
}

describe("a reply of several items", () => {
  test("makes each an entry of the log, in order, with its turn and step, and streams their pieces", async () => {
    const own = await scene([]);
    agent.script.push(
      says(
        thought("hm, "),
        thought("well"),
        { kind: "reasoning_end", id: "r1", encrypted: "sealed" },
        text("Let me "),
        text("see."),
        { kind: "tool_call", callId: "s1", name: "web_search", runsAt: ToolPlace.PROVIDER },
        whole(MessageKind.TOOL_RESULT, {
          content: { case: "toolResult", value: { callId: "s1", output: { case: "text", value: "sun" } } },
        }),
        { kind: "step" },
        text("Sunny."),
        whole(MessageKind.MESSAGE, {
          content: { case: "source", value: { origin: { case: "url", value: "https://w.example" } } },
        }),
        { kind: "usage", inputTokens: 7n, outputTokens: 5n, cacheWriteTokens: 4n, model: "m-1" },
        { kind: "usage", inputTokens: 3n, reasoningTokens: 2n, cacheWriteTokens: 1n, model: "m-2" },
      ),
    );
    const read = await readTurn(chat(own));
    expect(read.error).toBeUndefined();
    expect(read.lines).toEqual([
      "0 REASONING",
      "0 reasoning: hm, well",
      "0 ended at 3",
      "1 MESSAGE",
      "1 text: Let me see.",
      "1 ended at 4",
      "2 TOOL_CALL s1 web_search",
      "2 ended at 5",
      "3 TOOL_RESULT",
      "3 ended at 6",
      "4 MESSAGE",
      "4 text: Sunny.",
      "4 part: source",
      "4 ended at 7",
    ]);
    const { messages } = await own.alice.messages.listMessages({ conversationId: own.conversationId, afterSeq: 2n });
    expect(messages.map(({ content, turnId, step, state }) => [content, turnId, step, state])).toEqual([
      ["Let me see.", read.turnId, 1, MessageState.COMPLETE],
      ["Sunny.", read.turnId, 2, MessageState.COMPLETE],
    ]);
    expect(await log(own)).toEqual([
      "1 REASONING reasoning",
      "1 MESSAGE Let me see.",
      "1 TOOL_CALL toolCall",
      "1 TOOL_RESULT toolResult",
      "2 MESSAGE text",
    ]);
    expect(read.turn).toMatchObject({
      state: TurnState.COMPLETE,
      finishReason: FinishReason.STOP,
      replyId: messages.at(-1)?.id,
      usage: { inputTokens: 10n, outputTokens: 5n, cachedTokens: 0n, reasoningTokens: 2n, cacheWriteTokens: 5n },
      model: "m-2",
      step: 2,
    });
    const { conversation } = await own.alice.conversations.getConversation({ conversationId: own.conversationId });
    expect(conversation).toMatchObject({ lastSeq: 7n, messageCount: 3n });
  });

  test("is one text to those who read text alone, with an empty line between its messages", async () => {
    const own = await scene([]);
    agent.script.push(says(text("Let me see."), thought("hm"), text("Sun"), text("ny."), thought("so"), text("Yes.")));
    const heard = await hear(own.alice.turns.chat({ conversationId: own.conversationId, message: { content: "hi" } }));
    expect(heard.text).toBe("Let me see.\n\nSunny.\n\nYes.");
    expect(heard.ended?.reply?.content).toBe("Yes.");
    const turnId = heard.ended?.turn?.id ?? "";
    for (const offset of [0, 3, 11, 12, 13, 18, 20, 21, 25]) {
      const from = { text: heard.text.slice(0, offset), offset: BigInt(offset) };
      const resumed = await hear(own.alice.turns.resumeTurn({ turnId, offset: BigInt(offset) }), from);
      expect(resumed.error, `from ${offset}`).toBeUndefined();
      expect(resumed.text).toBe(heard.text);
    }
  });
});

describe("a tool that a client runs", () => {
  test("makes the turn wait, and with its result the turn goes on", async () => {
    const own = await scene();
    agent.script.push(says(text("One moment."), calls("c1", "look", '{"at": "cat.png"}')), says(text("A cat.")));
    const waiting = await readTurn(chat(own));
    expect(waiting.error).toBeUndefined();
    expect(waiting.lines).toEqual([
      "0 MESSAGE",
      "0 text: One moment.",
      "0 ended at 3",
      "1 TOOL_CALL c1 look",
      '1 arguments: {"at": "cat.png"}',
      "1 ended at 4",
    ]);
    const { turn } = waiting;
    expect(turn).toMatchObject({
      state: TurnState.INPUT_REQUIRED,
      awaited: [{ callId: "c1", name: "look", approvalId: "" }],
    });
    expect(Number(turn?.inputExpireTime?.seconds) - Date.now() / 1000).toBeGreaterThan(500);
    const answer = {
      turnId: waiting.turnId,
      results: [{ callId: "c1", output: { case: "text", value: "a cat" } as const }],
    };
    const { turn: running } = await own.alice.turns.answerTurn({ ...answer, requestId: "r-1" });
    expect(running).toMatchObject({ state: TurnState.RUNNING, awaited: [] });
    const { cursor = "", lines = [] } = waiting.cursors.at(-1) ?? {};
    const rest = await readTurn(own.alice.turns.resumeTurn({ turnId: waiting.turnId, cursor }), { before: lines });
    expect(rest.error).toBeUndefined();
    expect(rest.lines.slice(6)).toEqual([
      "2 TOOL_RESULT",
      "2 ended at 5",
      "3 MESSAGE",
      "3 text: A cat.",
      "3 ended at 6",
    ]);
    expect(rest.turn).toMatchObject({ state: TurnState.COMPLETE, step: 2 });
    expect(given(agent.requests[1] as never)).toEqual([
      "hi",
      "One moment.",
      'call c1 look {"at": "cat.png"}',
      "result c1 a cat",
    ]);
    expect(agent.requests[1]?.tools).toMatchObject([{ ...LOOK, place: "client" }]);
    // The result is that of who brought it.
    const { messages } = await own.alice.messages.listMessages({ conversationId: own.conversationId, kinds: [4] });
    expect(messages).toMatchObject([
      { sender: { id: "alice" }, role: MessageRole.TOOL, turnId: waiting.turnId, step: 1 },
    ]);
    // Its repeat has the first answer.
    const again = await own.alice.turns.answerTurn({ ...answer, requestId: "r-1" });
    expect(again.turn).toMatchObject({ state: TurnState.RUNNING });
    expect(await failureOf(own.alice.turns.answerTurn(answer))).toMatchObject({ reason: "NOT_AWAITED" });
  });

  test("that a caller brings serves its turn alone, and one of the agent's comes first", async () => {
    const own = await scene();
    agent.script.push(says(text("ok")), says(text("ok")));
    await readTurn(
      chat(own, "hi", {
        tools: [
          { name: "mine", description: "Mine" },
          { name: "look", description: "Other" },
        ],
      }),
    );
    expect(agent.requests[0]?.tools).toMatchObject([LOOK, { name: "mine", description: "Mine", place: "client" }]);
    await readTurn(chat(own));
    expect(agent.requests[1]?.tools).toMatchObject([LOOK]);
    expect(agent.requests[1]?.tools).toHaveLength(1);
  });

  test("refuse another message with the id of the turn, and name no time for a retry", async () => {
    const own = await scene();
    agent.script.push(says(calls("a", "look")));
    const { turnId } = await readTurn(chat(own));
    const refused = await Array.fromAsync(chat(own, "and?")).catch(ConnectError.from);
    expect(refused).toMatchObject({
      rawMessage: `turn ${turnId} of the conversation waits for input: answer it or cancel it`,
    });
    expect(await failureOf(Array.fromAsync(chat(own, "and?")))).toMatchObject({ reason: "TURN_IN_PROGRESS" });
    expect((refused as ConnectError).findDetails(RetryInfoSchema)).toEqual([]);
    expect(await log(own)).toEqual(["1 TOOL_CALL toolCall"]);
  });

  test("are answered in time: one that comes too late is refused, however late the turn is ended", async () => {
    const own = await scene();
    agent.script.push(says(calls("c1", "look"), calls("c2", "look")));
    const { turnId } = await readTurn(chat(own));
    const answer = (callId: string) =>
      own.alice.turns.answerTurn({ turnId, results: [{ callId, output: { case: "text", value: "a cat" } }] });
    expect((await answer("c1")).turn).toMatchObject({ state: TurnState.INPUT_REQUIRED });
    const over = "update turn set lease_time = statement_timestamp() where tenant_id = $1 and id = $2::uuid";
    await server.database.query({ name: "test_over", text: over }, [own.tenant.id, turnId]);
    expect(await failureOf(answer("c2"))).toMatchObject({ reason: "NOT_AWAITED" });
  });

  test("several at once may be answered one after the other", async () => {
    const own = await scene();
    agent.script.push(says(calls("a", "look"), calls("b", "look")), says(text("Both.")));
    const { turnId } = await readTurn(chat(own));
    const answer = (callId: string) =>
      own.alice.turns.answerTurn({ turnId, results: [{ callId, output: { case: "json", value: "1" } }] });
    expect((await answer("b")).turn).toMatchObject({ state: TurnState.INPUT_REQUIRED, awaited: [{ callId: "a" }] });
    expect(await failureOf(answer("b"))).toMatchObject({ code: "FailedPrecondition", reason: "NOT_AWAITED" });
    expect((await answer("a")).turn).toMatchObject({ state: TurnState.RUNNING });
    const { turn } = await readTurn(own.alice.turns.resumeTurn({ turnId, streamEntries: true }));
    expect(turn?.state).toBe(TurnState.COMPLETE);
    expect(given(agent.requests[1] as never)).toEqual([
      "hi",
      "call a look {}",
      "call b look {}",
      "result b 1",
      "result a 1",
    ]);
  });

  test("a result that is not awaited is refused with all that came with it", async () => {
    const own = await scene();
    agent.script.push(says(calls("a", "look")));
    const { turnId } = await readTurn(chat(own));
    const bring = (request: object) => failureOf(own.alice.turns.answerTurn({ turnId, ...request }));
    const text = (callId: string) => ({ callId, output: { case: "text", value: "x" } });
    expect(await bring({ results: [text("a"), text("z")] })).toMatchObject({ reason: "NOT_AWAITED" });
    expect(await bring({ approvals: [{ approvalId: "q", granted: true }] })).toMatchObject({ reason: "NOT_AWAITED" });
    expect(await bring({ results: [text("a"), text("a")] })).toMatchObject({
      message: "results[1].call_id: must not occur twice",
    });
    expect(await bring({})).toMatchObject({ code: "InvalidArgument" });
    expect(await bring({ results: [{ output: { case: "text", value: "x" } }] })).toMatchObject({
      message: "results[0].call_id: must be set",
    });
    expect(await bring({ results: [{ callId: "a", output: { case: "json", value: "{" } }] })).toMatchObject({
      message: "results[0].json: must be JSON, which it is not at character 2",
    });
    expect(await log(own)).toEqual(["1 TOOL_CALL toolCall"]);
    const bob = own.tenant.member("bob").turns.answerTurn({ turnId, results: [text("a") as never] });
    expect(await failureOf(bob)).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("brought while the agent still speaks, a result waits for it", async () => {
    const own = await scene();
    const speaks = Promise.withResolvers<void>();
    agent.script.push(
      async function* () {
        yield* calls("a", "look");
        yield text("and now");
        await speaks.promise;
        return FinishReason.TOOL_CALLS;
      },
      says(text("Done.")),
    );
    let answered: Promise<unknown> | undefined;
    const read = await readTurn(
      (async function* () {
        for await (const response of chat(own)) {
          if (response.event.case === "entryEnded") {
            const turnId = response.event.value.message?.turnId ?? "";
            answered ??= own.alice.turns.answerTurn({
              turnId,
              results: [{ callId: "a", output: { case: "text", value: "x" } }],
            });
            setImmediate(() => speaks.resolve());
          }
          yield response;
        }
      })(),
      { stopsAtWait: false },
    );
    await answered;
    expect(read.turn?.state).toBe(TurnState.COMPLETE);
    expect(read.lines.at(-2)).toBe("3 text: Done.");
  });
});

describe("a turn that waits", () => {
  async function waiting(more: object = {}) {
    const own = await scene([LOOK], more);
    agent.script.push(says(text("See:"), calls("a", "look")));
    const { turnId } = await readTurn(chat(own));
    return { ...own, turnId };
  }
  const CLOSED = ["1 MESSAGE See:", "1 TOOL_CALL toolCall", "1 TOOL_RESULT toolResult"];

  test("is cancelled, and its call is closed as not answered", async () => {
    const own = await waiting();
    const { turn } = await own.alice.turns.cancelTurn({ turnId: own.turnId });
    expect(turn).toMatchObject({ state: TurnState.CANCELLED, failure: "", awaited: [] });
    expect(await log(own)).toEqual(CLOSED);
    agent.script.push(says(text("ok")));
    await readTurn(chat(own, "more"));
    expect(given(agent.requests.at(-1) as never)).toEqual([
      "hi",
      "See:",
      "call a look {}",
      "result a not answered (error)",
      "more",
    ]);
  });

  test("refuses a second one, keeps one in the queue, and ends for one that interrupts", async () => {
    const own = await waiting();
    const { conversationId } = own;
    const rejected = await hear(own.alice.turns.chat({ conversationId, message: { content: "x" } }));
    expect(failureIn(rejected)).toMatchObject({ reason: "TURN_IN_PROGRESS" });
    const queued = hear(
      own.alice.turns.chat({ conversationId, message: { content: "q" }, ifRunning: TurnPolicy.QUEUE }),
    );
    agent.script.push(says(text("to the queue")), says(text("to the other")));
    await expect
      .poll(async () => (await own.alice.conversations.getConversation({ conversationId })).conversation?.lastSeq)
      .toBe(5n);
    await own.alice.turns.answerTurn({
      turnId: own.turnId,
      results: [{ callId: "a", output: { case: "text", value: "x" } }],
    });
    const heard = await queued;
    expect(["to the queue", "to the other"]).toContain(heard.text);
    expect(heard.ended?.turn?.state).toBe(TurnState.COMPLETE);
    const next = await waitingAgain(own);
    agent.script.push(says(text("instead")));
    const read = await readTurn(chat(own, "stop", { ifRunning: TurnPolicy.INTERRUPT }));
    expect(read.turn?.state).toBe(TurnState.COMPLETE);
    const ended = await readTurn(own.alice.turns.resumeTurn({ turnId: next, streamEntries: true }));
    expect(ended.turn?.state).toBe(TurnState.CANCELLED);
  });

  async function waitingAgain(own: Scene): Promise<string> {
    agent.script.push(says(calls("b", "look")));
    return (await readTurn(chat(own))).turnId;
  }

  test("fails when its time is over, and its call is closed", async () => {
    const own = await waiting({ inputTimeout: { seconds: 1n } });
    const read = await readTurn(own.alice.turns.resumeTurn({ turnId: own.turnId, streamEntries: true }), {
      stopsAtWait: false,
    });
    expect(read.turn).toMatchObject({ state: TurnState.FAILED, failure: "nobody answered the agent's calls in time" });
    expect(failureIn(read)).toMatchObject({ reason: "AGENT_FAILED" });
    expect(await log(own)).toEqual(CLOSED);
    const late = own.alice.turns.answerTurn({
      turnId: own.turnId,
      results: [{ callId: "a", output: { case: "text", value: "x" } }],
    });
    expect(await failureOf(late)).toMatchObject({ reason: "NOT_AWAITED" });
  });
});

describe("a call that nothing can run", () => {
  test("ends the turn with that reason where the turn has no tools", async () => {
    const own = await scene([]);
    agent.script.push(says(text("Hm."), calls("a", "look")));
    const { turn } = await readTurn(chat(own));
    expect(turn).toMatchObject({ state: TurnState.COMPLETE, finishReason: FinishReason.TOOL_CALLS });
    expect(await log(own)).toEqual(["1 MESSAGE Hm.", "1 TOOL_CALL toolCall"]);
  });

  test("of a name that the turn does not have gets an error, and the turn goes on", async () => {
    const own = await scene();
    agent.script.push(says(calls("a", "loook")), says(text("Sorry.")));
    const { turn } = await readTurn(chat(own));
    expect(turn).toMatchObject({ state: TurnState.COMPLETE, finishReason: FinishReason.STOP });
    expect(given(agent.requests[1] as never).at(-1)).toBe("result a there is no tool of this name (error)");
  });

  test("is not run where the reply was cut off, for its arguments may be", async () => {
    const own = await scene();
    agent.script.push(async function* () {
      yield* calls("a", "look", '{"at": ');
      return FinishReason.LENGTH;
    });
    const { turn } = await readTurn(chat(own));
    expect(turn).toMatchObject({ state: TurnState.COMPLETE, finishReason: FinishReason.LENGTH });
    expect(await log(own)).toEqual(["1 TOOL_CALL toolCall", "1 TOOL_RESULT toolResult"]);
  });

  test("after twenty steps fails the turn", async () => {
    const own = await scene();
    for (let step = 0; step < 21; step++) agent.script.push(says(calls(`c${step}`, "none")));
    const { turn } = await readTurn(chat(own));
    expect(turn).toMatchObject({
      state: TurnState.FAILED,
      failure: "the agent went on calling tools after 20 steps",
      step: 20,
    });
    expect(agent.requests).toHaveLength(20);
    const entries = await log(own);
    expect(entries).toHaveLength(40);
  });
});

test("turns are listed by conversation and state, the latest first, page by page", async () => {
  const own = await scene([]);
  const { alice, conversationId } = own;
  expect((await alice.turns.listTurns({ conversationId })).turns).toEqual([]);
  agent.script.push(says(text("one")), says(text("two")), says(text("three")));
  const ids: string[] = [];
  for (let turn = 0; turn < 3; turn++) ids.unshift((await readTurn(chat(own))).turnId);
  const first = await alice.turns.listTurns({ conversationId, pageSize: 2 });
  const second = await alice.turns.listTurns({ conversationId, pageSize: 2, pageToken: first.nextPageToken });
  expect([...first.turns, ...second.turns].map(({ id }) => id)).toEqual(ids);
  expect(second.nextPageToken).toBe("");
  expect((await alice.turns.listTurns({ conversationId, state: TurnState.FAILED })).turns).toEqual([]);
  const { turn } = await alice.turns.getTurn({ turnId: ids[0] ?? "" });
  expect(turn).toEqual(first.turns[0]);
  const other = own.tenant.member("bob").turns;
  expect(await failureOf(other.getTurn({ turnId: ids[0] ?? "" }))).toMatchObject({ reason: "NOT_FOUND" });
  expect(await failureOf(other.listTurns({ conversationId }))).toMatchObject({ reason: "NOT_FOUND" });
});
