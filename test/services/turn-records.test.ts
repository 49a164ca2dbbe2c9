// Turns that are kept as records: where they go, what they follow, what their agent gets, and what is left of them.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { FinishReason, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { AgentFailure } from "../../src/agents/connectors/connector.ts";
import { createSweeper } from "../../src/jobs/sweeper.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text, thought } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
let other: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
  other = await startStoreServer({ beside: server, agent: agent.connector });
});
afterAll(async () => {
  await other.close();
  await server.close();
});
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
});

async function scene() {
  const tenant = await server.tenant("alice", "bob");
  await tenant.key().agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } });
  return { tenant, alice: tenant.member("alice"), bob: tenant.member("bob"), beside: other.sameTenant(tenant) };
}

const say = (content: string) => ({ content, role: MessageRole.USER });
const ALL_KINDS: MessageKind[] = [1, 2, 3, 4];
const output = (callId: string, value: string) => ({
  kind: MessageKind.TOOL_RESULT,
  role: MessageRole.TOOL,
  parts: [{ content: { case: "toolResult", value: { callId, output: { case: "text", value } } } }],
});

/** Begins a turn and waits for its end. */
async function ask(alice: Clients, messages: object[], more: object = {}) {
  const { turn } = await alice.turns.createTurn({ agent: "helper", messages, ...more } as never);
  const id = turn?.id ?? "";
  for await (const _ of alice.turns.resumeTurn({ turnId: id })) {
    // To its end.
  }
  return (await alice.turns.getTurn({ turnId: id })).turn;
}

const recorded = async (alice: Clients, turnId: string) =>
  (await Array.fromAsync(alice.turns.resumeTurn({ turnId, asRecorded: true }))).flatMap(({ event }) =>
    event.case === "entryDelta" ? [`${event.value.index} ${event.value.piece.value}`] : [],
  );

describe("turns of all conversations", () => {
  const all = async ({ turns }: Clients, more: object = {}) => {
    const ids: string[] = [];
    let pageToken = "";
    do {
      const page = await turns.listTurns({ conversationId: "-", pageToken, ...more });
      ids.push(...page.turns.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return ids;
  };

  test("are listed for who sees them, the latest first, page by page and by their state", async () => {
    const { alice, bob, tenant } = await scene();
    await tenant.addMembers({ boss: { role: "manager" } });
    await tenant.addMembers({ dan: { manager: "boss" } });
    const boss = tenant.member("boss", "manager");
    const { conversation } = await alice.conversations.createConversation({
      conversation: { agent: "helper" },
      participantIds: ["bob", "dan"],
    });
    agent.script.push(says(text("1")), says(text("2")), says(text("3")), says(text("4")));
    const shared = (await ask(alice, [say("1")], { conversationId: conversation?.id }))?.id;
    const hers = (await ask(alice, [say("2")]))?.id;
    const his = (await ask(bob, [say("3")]))?.id;
    const last = (await ask(alice, [say("4")], { conversationId: conversation?.id }))?.id;
    expect(await all(alice, { pageSize: 2 })).toEqual([last, hers, shared]);
    expect(await all(bob, { pageSize: 1 })).toEqual([last, his, shared]);
    expect(await all(boss)).toEqual([last, shared]);
    expect(await all(tenant.key(), { pageSize: 3 })).toEqual([last, his, hers, shared]);
    expect(await all(alice, { state: TurnState.FAILED })).toEqual([]);
    expect(await all((await server.tenant("carol")).key())).toEqual([]);
    await alice.conversations.deleteConversation({ conversationId: conversation?.id ?? "" });
    expect([await all(alice), await all(bob), await all(tenant.key())]).toEqual([[hers], [his], [his, hers]]);
  });
});

describe("a turn without a conversation", () => {
  test("has one of its own that lists leave out, and keeps its note to the character", async () => {
    const { alice } = await scene();
    agent.script.push(says(text("Hel"), text("lo")));
    const noteJson = '{ "n": 1.50, "s": "\\u0000" }';
    const turn = await ask(alice, [say("a"), say("b")], { noteJson });
    expect(turn).toMatchObject({ state: TurnState.COMPLETE, noteJson });
    expect(given(agent.requests[0] as never)).toEqual(["a", "b"]);
    expect((await alice.conversations.listConversations({})).conversations).toEqual([]);
    const { conversations } = await alice.conversations.listConversations({ unlisted: true });
    expect(conversations.map(({ id }) => id)).toEqual([turn?.conversationId]);
    const inputs = await alice.turns.listTurnEntries({ turnId: turn?.id ?? "", input: true });
    const outputs = await alice.turns.listTurnEntries({ turnId: turn?.id ?? "" });
    expect([inputs, outputs].map(({ messages }) => messages.map(({ content }) => content))).toEqual([
      ["a", "b"],
      ["Hello"],
    ]);
  });

  test("is exported with its state, and left out of lists where it is imported", async () => {
    const { alice, tenant } = await scene();
    agent.script.push(says(text("Hello")));
    const turn = await ask(alice, [say("a")]);
    const conversationId = turn?.conversationId ?? "";
    const stateJson = '{ "n": 1.50, "s": "\\u0000" }';
    const conversation = { stateJson };
    await alice.conversations.updateConversation({ conversationId, conversation });
    const lines = await exported(tenant.key());
    const target = (await server.tenant()).key();
    expect(await imported(target, lines)).toMatchObject({ conversationCount: 1n, errorCount: 0n });
    expect((await target.conversations.listConversations({})).conversations).toEqual([]);
    const { conversations } = await target.conversations.listConversations({ unlisted: true });
    expect(conversations.map(({ id }) => id)).toEqual([conversationId]);
    expect((await target.conversations.getConversation({ conversationId })).conversation).toMatchObject({ stateJson });
  });

  test("F-PREVIOUS-AGENT: that follows a turn has its agent, unless another is named", async () => {
    const { tenant, alice } = await scene();
    await tenant.key().agents.createAgent({ agent: { name: "other", connector: { case: "echo", value: {} } } });
    const agentOf = async (more: object) => {
      agent.script.push(says(text("Hello")));
      return ask(alice, [say("go")], { agent: "", ...more });
    };
    const first = await agentOf({ agent: "other" });
    const second = await agentOf({ previousTurnId: first?.id });
    const third = await agentOf({ previousTurnId: first?.id, agent: "helper" });
    const fourth = await agentOf({ previousTurnId: third?.id });
    expect(second?.agentId).toBe(first?.agentId);
    expect(third?.agentId).not.toBe(first?.agentId);
    expect(fourth?.agentId).toBe(third?.agentId);
    // It has not to do with the conversation's.
    const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
    const fifth = await agentOf({ conversationId: conversation?.id, agent: "other" });
    expect((await agentOf({ previousTurnId: fifth?.id }))?.agentId).toBe(first?.agentId);
    await tenant.key().agents.deleteAgent({ agentId: "other" });
    const { turns } = alice;
    const gone = turns.createTurn({ messages: [say("go")], previousTurnId: second?.id ?? "" } as never);
    expect(await failureOf(gone)).toMatchObject({ reason: "UNKNOWN_REFERENCE" });
  });

  test("that follows what another follows begins a branch, and is one after an export and import", async () => {
    const { tenant, alice } = await scene();
    agent.script.push(says(text("one")), says(text("A")), says(text("B")));
    const first = await ask(alice, [say("1")]);
    for (const content of ["2 A", "2 B"]) await ask(alice, [say(content)], { previousTurnId: first?.id });
    const conversationId = first?.conversationId ?? "";
    const shown = async (clients: Clients) => {
      const { messages } = await clients.messages.listMessages({ conversationId });
      return messages.map(({ seq, content, parentId: parent }) => [seq, content, parent]);
    };
    const live = await shown(alice);
    const [, reply] = (await alice.messages.listMessages({ conversationId })).messages;
    expect(live.map(([, ...said]) => said)).toEqual([
      ["1", ""],
      ["one", ""],
      ["2 B", reply?.id],
      ["B", ""],
    ]);
    const lines = await exported(tenant.key(), conversationId);
    const copy = await server.tenant("alice");
    expect(await imported(copy.key(), lines)).toMatchObject({ conversationCount: 1n, errorCount: 0n });
    expect(await shown(copy.key())).toEqual(live);
    const branches = async (clients: Clients) =>
      (await clients.messages.listBranches({ conversationId })).branches.length;
    expect([await branches(alice), await branches(copy.key())]).toEqual([2, 2]);
  });

  test("is followed by others, which know nothing of each other, at once or one after the other", async () => {
    const { alice } = await scene();
    agent.script.push(says(text("one")));
    const first = await ask(alice, [say("1")]);
    const after = { previousTurnId: first?.id ?? "" };
    const gate = Promise.withResolvers<void>();
    agent.script.push(async function* () {
      await gate.promise;
      yield text("left");
      return FinishReason.STOP;
    });
    const left = (await alice.turns.createTurn({ agent: "helper", messages: [say("2l")], ...after })).turn;
    agent.script.push(says(text("right")));
    const right = await ask(alice, [say("2r")], after);
    gate.resolve();
    for await (const _ of alice.turns.resumeTurn({ turnId: left?.id ?? "" })) {
      // To its end.
    }
    for (const [previousTurnId, words] of [
      [left?.id, "left"],
      [right?.id, "right"],
      [left?.id, "left"],
    ]) {
      agent.requests.length = 0;
      agent.script.push(says(text("ok")));
      await ask(alice, [say("3")], { previousTurnId });
      expect(given(agent.requests[0] as never)).toEqual(["1", "one", words === "left" ? "2l" : "2r", words, "3"]);
    }
  });

  test("goes on after a turn of a conversation without adding to that", async () => {
    const { alice } = await scene();
    const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
    agent.script.push(says(text("in it")), says(text("beside it")));
    const inside = await ask(alice, [say("q")], { conversationId: conversation?.id, agent: "" });
    const beside = await ask(alice, [say("r")], { previousTurnId: inside?.id });
    expect(beside?.conversationId).not.toBe(conversation?.id);
    expect(given(agent.requests[1] as never)).toEqual(["q", "in it", "r"]);
    const { messages } = await alice.messages.listMessages({ conversationId: conversation?.id ?? "" });
    expect(messages.map(({ content }) => content)).toEqual(["q", "in it"]);
  });

  test("is seen by nobody else", async () => {
    const { alice, bob } = await scene();
    agent.script.push(says(text("secret")));
    const turn = await ask(alice, [say("q")]);
    expect(await failureOf(bob.turns.getTurn({ turnId: turn?.id ?? "" }))).toMatchObject({ reason: "NOT_FOUND" });
    const following = bob.turns.createTurn({ agent: "helper", messages: [say("x")], previousTurnId: turn?.id ?? "" });
    expect(await failureOf(following)).toMatchObject({ reason: "UNKNOWN_REFERENCE" });
  });

  test("is gone when it is deleted, with its conversation once no turn that follows it is left", async () => {
    const { alice, tenant } = await scene();
    agent.script.push(says(text("one")), says(text("two")));
    const first = await ask(alice, [say("1")]);
    const second = await ask(alice, [say("2")], { previousTurnId: first?.id });
    expect(second?.conversationId).toBe(first?.conversationId);
    const conversation = () =>
      tenant
        .key()
        .conversations.getConversation({ conversationId: first?.conversationId ?? "", deleted: DeletedFilter.INCLUDE });
    await alice.turns.deleteTurn({ turnId: first?.id ?? "" });
    expect(await failureOf(alice.turns.getTurn({ turnId: first?.id ?? "" }))).toMatchObject({ reason: "NOT_FOUND" });
    expect((await conversation()).conversation?.deleteTime).toBeUndefined();
    await alice.turns.deleteTurn({ turnId: second?.id ?? "" });
    expect((await conversation()).conversation?.deleteTime).toBeDefined();
  });

  test("is deleted by itself, if it is ephemeral, some minutes after its end", async () => {
    const { alice, tenant } = await scene();
    agent.script.push(says(text("one")));
    const turn = await ask(alice, [say("1")], { ephemeral: true });
    const sweeper = createSweeper({ database: server.database, onError: () => {} });
    await sweeper.sweep();
    expect((await alice.turns.getTurn({ turnId: turn?.id ?? "" })).turn).toBeDefined();
    await server.database.query(
      {
        name: "test_age",
        text: "update turn set end_time = statement_timestamp() - interval '1 hour' where tenant_id = $1",
      },
      [tenant.id],
    );
    await sweeper.sweep();
    expect(await failureOf(alice.turns.getTurn({ turnId: turn?.id ?? "" }))).toMatchObject({ reason: "NOT_FOUND" });
    const { conversations } = await alice.conversations.listConversations({ unlisted: true });
    expect(conversations).toEqual([]);
  });
});

describe("calls of tools that end a turn", () => {
  const tools = [{ name: "look" }, { name: "hear" }];

  test("wait for no answer: their results come with the next turn, and are told in their places", async () => {
    const { alice } = await scene();
    agent.script.push(says(thought("hm"), calls("c1", "look"), calls("c2", "hear")), says(text("done")));
    const first = await ask(alice, [say("q")], { tools, endWithCalls: true });
    expect(first).toMatchObject({ state: TurnState.COMPLETE, finishReason: FinishReason.TOOL_CALLS });
    await ask(alice, [output("c2", "moo"), output("c1", "cow")], { previousTurnId: first?.id, endWithCalls: true });
    expect(given(agent.requests[1] as never)).toEqual([
      "q",
      "thought hm",
      "call c1 look {}",
      "call c2 hear {}",
      "result c2 moo",
      "result c1 cow",
    ]);
  });

  test("whose results name no call are refused, and nothing is stored", async () => {
    const { alice } = await scene();
    const { conversation } = await alice.conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const wrong = { conversationId, agent: "helper", messages: [say("a"), output("nobody", "x")] } as never;
    expect(await failureOf(alice.turns.createTurn(wrong))).toMatchObject({
      reason: "UNKNOWN_REFERENCE",
      message: expect.stringMatching(/^messages\[1\]: /),
    });
    const { messages } = await alice.messages.listMessages({ conversationId, kinds: ALL_KINDS });
    expect(messages).toEqual([]);
  });
});

describe("a turn that fails", () => {
  test("leaves nothing in its conversation, and stays readable with what it said", async () => {
    const { alice } = await scene();
    const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
    const conversationId = conversation?.id ?? "";
    agent.script.push(async function* () {
      yield thought("hm");
      yield text("Half of i");
      throw new AgentFailure("it broke", { refusal: { status: 429, code: "rate_limit_exceeded" } });
    });
    const { turn } = await alice.turns.createTurn({ conversationId, messages: [say("q")], discardFailed: true });
    const turnId = turn?.id ?? "";
    await expect(Array.fromAsync(alice.turns.resumeTurn({ turnId }))).rejects.toThrow("it broke");
    expect((await alice.turns.getTurn({ turnId })).turn).toMatchObject({
      state: TurnState.FAILED,
      failureStatus: 429,
      failureCode: "rate_limit_exceeded",
    });
    const shown = await alice.messages.listMessages({ conversationId, kinds: ALL_KINDS });
    expect([
      shown.messages,
      (await alice.conversations.getConversation({ conversationId })).conversation?.messageCount,
    ]).toEqual([[], 0n]);
    expect((await alice.turns.listTurnEntries({ turnId, input: true })).messages).toHaveLength(1);
    expect((await alice.turns.listTurnEntries({ turnId })).messages).toHaveLength(2);
    const following = alice.turns.createTurn({ agent: "helper", messages: [say("x")], previousTurnId: turnId });
    expect(await failureOf(following)).toMatchObject({ reason: "UNKNOWN_REFERENCE" });
  });
});

describe("the stream of a turn as it was", () => {
  test("has the same deltas each time, at every server, while it runs and afterwards", async () => {
    const { alice, beside } = await scene();
    const words = Array.from({ length: 300 }, (_, index) => (index % 7 === 0 ? "🜁é " : `w${index} `));
    const gate = Promise.withResolvers<void>();
    agent.script.push(async function* () {
      yield thought("hm ");
      yield thought("hm");
      for (const word of words.slice(0, 150)) yield text(word);
      await gate.promise;
      for (const word of words.slice(150)) yield text(word);
      return undefined;
    });
    const { turn } = await alice.turns.createTurn({ agent: "helper", messages: [say("q")] });
    const turnId = turn?.id ?? "";
    const live = [recorded(alice, turnId), recorded(beside.member("alice"), turnId)];
    // Followers of both servers are there before it goes on.
    for await (const { event } of beside.member("alice").turns.resumeTurn({ turnId })) {
      if (event.case === "delta") break;
    }
    gate.resolve();
    const expected = ["0 hm ", "0 hm", ...words.map((word) => `1 ${word}`)];
    expect(await Promise.all([...live, recorded(alice, turnId), recorded(beside.member("alice"), turnId)])).toEqual(
      Array.from({ length: 4 }, () => expected),
    );
  });

  test("shows what was deleted since", async () => {
    const { alice } = await scene();
    agent.script.push(says(text("gone")));
    const turn = await ask(alice, [say("q")]);
    await alice.messages.deleteMessage({ messageId: turn?.replyId ?? "" });
    expect(await recorded(alice, turn?.id ?? "")).toEqual(["0 gone"]);
  });
});

test("a repeat with the request id of a turn is answered with that turn", async () => {
  const { alice } = await scene();
  agent.script.push(says(text("once")));
  const request = { agent: "helper", messages: [say("q")], requestId: randomUUID() };
  const [first, second] = [await alice.turns.createTurn(request), await alice.turns.createTurn(request)];
  expect(second.turn?.id).toBe(first.turn?.id);
  const reused = alice.turns.createTurn({ ...request, messages: [say("other")] });
  expect(await failureOf(reused)).toMatchObject({ reason: "REQUEST_ID_REUSED" });
});

test.each([
  ["note_json", { noteJson: "[1]" }],
  ["note_json", { noteJson: "{" }],
  ["options.parameters_json", { options: { parametersJson: '"x"' } }],
  ["previous_turn_id", { conversationId: randomUUID(), previousTurnId: randomUUID() }],
])("%s is checked", async (field, more) => {
  const { alice } = await scene();
  const wrong = alice.turns.createTurn({ agent: "helper", messages: [say("q")], ...more });
  expect(await failureOf(wrong)).toMatchObject({
    reason: "INVALID_FIELD",
    message: expect.stringContaining(`${field}: `),
  });
});

describe("entries with client ids that are there", () => {
  const named = (content: string, clientId: string) => ({ ...say(content), clientId });
  const failed = (message: string) => [
    async function* () {
      yield text("half");
      throw new AgentFailure(message);
    },
  ];

  test("stand where they are, also if the turn is to leave nothing and fails", async () => {
    const { alice } = await scene();
    agent.script.push(says(text("1")), says(text("2")), ...failed("gone"));
    const first = await ask(alice, [named("a", "one")]);
    const conversationId = first?.conversationId ?? "";
    const place = { conversationId, discardFailed: true };
    const contents = async () =>
      (await alice.messages.listMessages({ conversationId, order: 1 })).messages.map(({ content }) => content);
    const second = await ask(alice, [named("a", "one"), named("b", "two")], place);
    expect(await contents()).toEqual(["a", "1", "b", "2"]);
    const input = await alice.turns.listTurnEntries({ turnId: second?.id ?? "", input: true });
    expect(input.messages.map(({ clientId }) => clientId)).toEqual(["two"]);
    expect((await failureOf(ask(alice, [named("b", "two")], place))).message).toBe("gone");
    expect(await contents()).toEqual(["a", "1", "b", "2"]);
    const asked = agent.requests.at(-1)?.messages.map(({ content }) => content);
    expect(asked).toEqual(["a", "1", "2", "b"]);
  });

  test("are refused with other content, or once they are deleted", async () => {
    const { alice } = await scene();
    agent.script.push(says(text("1")));
    const first = await ask(alice, [named("a", "one")]);
    const place = { conversationId: first?.conversationId ?? "" };
    const other = await failureOf(ask(alice, [say("x"), named("b", "one")], place));
    expect(other.message).toContain("messages[1].client_id");
    await alice.messages.deleteMessage({ messageId: first?.messageId ?? "" });
    expect((await failureOf(ask(alice, [named("a", "one")], place))).message).toContain("message not found");
  });
});
