// Chat with several messages at once: stored together or not at all, and the turn replies to the last.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnPolicy } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
import { KINDS } from "../support/fronts/turn-events.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

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

async function scene() {
  const tenant = await server.tenant("ann", "bob");
  await tenant.key().agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } });
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const chat = (messages: object[], more: object = {}) => hear(ann.turns.chat({ conversationId, messages, ...more }));
  const log = async () => {
    const { messages } = await ann.messages.listMessages({ conversationId, kinds: [1, 2, 3, 4, 5, 6, 7, 8] });
    return messages.map(({ seq, content, kind }) => `${seq} ${KINDS.get(kind)} ${content}`.trim());
  };
  return { tenant, ann, conversationId, chat, log };
}

const CALL = {
  kind: MessageKind.TOOL_CALL,
  role: MessageRole.ASSISTANT,
  parts: [{ content: { case: "toolCall", value: { callId: "c1", name: "look", arguments: "{}" } } }],
};
const RESULT = {
  kind: MessageKind.TOOL_RESULT,
  role: MessageRole.TOOL,
  parts: [{ content: { case: "toolResult", value: { callId: "c1", output: { case: "text", value: "a cat" } } } }],
};

describe("a list of messages", () => {
  test("is stored in order with no other between, and the turn replies to the last", async () => {
    const { ann, chat, log } = await scene();
    agent.script.push(says(text("A cat.")));
    const heard = await chat([{ content: "Look at this." }, CALL, RESULT, { content: "What is it?" }]);
    expect(heard.error).toBeUndefined();
    expect(heard.started?.messages.map(({ seq, kind }) => `${seq} ${KINDS.get(kind)}`)).toEqual([
      "2 MESSAGE",
      "3 TOOL_CALL",
      "4 TOOL_RESULT",
      "5 MESSAGE",
    ]);
    expect(heard.started?.message).toEqual(heard.started?.messages[3]);
    expect(heard.started?.turn?.messageId).toBe(heard.started?.message?.id);
    expect(await log()).toEqual([
      "2 MESSAGE Look at this.",
      "3 TOOL_CALL",
      "4 TOOL_RESULT",
      "5 MESSAGE What is it?",
      "6 MESSAGE A cat.",
    ]);
    expect(given(agent.requests[0] as never)).toEqual([
      "Look at this.",
      "call c1 look {}",
      "result c1 a cat",
      "What is it?",
    ]);
    const { messages } = await ann.turns.listTurnEntries({ turnId: heard.started?.turn?.id ?? "", input: true });
    expect(messages.map(({ seq }) => seq)).toEqual([2n, 3n, 4n, 5n]);
  });

  test("is refused as a whole where one of it is wrong, with the place of that one", async () => {
    const { chat, conversationId, ann, log } = await scene();
    const bad = async (request: object) =>
      failureOf(
        (async () => {
          for await (const _ of ann.turns.chat({ conversationId, ...request }));
        })(),
      );
    const good = { content: "hi" };
    expect(await bad({})).toMatchObject({ message: "message: must be set, unless messages are given" });
    expect(await bad({ message: good, messages: [good] })).toMatchObject({
      message: "messages: must be empty where message is given",
    });
    expect(
      await bad({ messages: [good, { parts: [{ content: { case: "data", value: { name: "x", json: "{" } } }] }] }),
    ).toMatchObject({ message: "messages[1].parts[0].data.json: must be JSON, which it is not at character 2" });
    expect(await bad({ messages: [good, { ...good, parentId: conversationId }] })).toMatchObject({
      message: "messages[1].parent_id: must be empty but for the first message",
    });
    expect(
      await bad({
        messages: [
          { ...good, clientId: "a" },
          { ...good, clientId: "a" },
        ],
      }),
    ).toMatchObject({ message: "messages[1].client_id: must be unique in the request" });
    expect(await bad({ messages: [good, { ...good, mentions: ["carol"] }] })).toMatchObject({
      message: "messages[1].mentions[0]: takes no part in the conversation",
    });
    expect(await bad({ messages: Array.from({ length: 101 }, () => good) })).toMatchObject({ code: "InvalidArgument" });
    expect(await log()).toEqual([]);
    expect((await ann.turns.listTurns({ conversationId })).turns).toEqual([]);
    agent.script.push(says(text("ok")));
    expect((await chat([good])).started?.messages).toHaveLength(1);
  });

  test("adds what is not there yet, by client ids; sent again it attaches to its turn", async () => {
    const { chat, log } = await scene();
    agent.script.push(says(text("one")), says(text("two")));
    const first = { content: "a", clientId: "m1" };
    const second = { content: "b", clientId: "m2" };
    const begun = await chat([first]);
    const heard = await chat([first, second]);
    expect(heard.started?.messages.map(({ id, seq }) => [id, seq])).toEqual([
      [begun.started?.message?.id, 2n],
      [heard.started?.message?.id, 4n],
    ]);
    expect(await log()).toEqual(["2 MESSAGE a", "3 MESSAGE one", "4 MESSAGE b", "5 MESSAGE two"]);
    const again = await chat([first, second]);
    expect(again.started?.turn?.id).toBe(heard.started?.turn?.id);
    expect(again.started?.messages).toEqual(heard.started?.messages);
    expect(again.text).toBe("two");
    expect(agent.requests).toHaveLength(2);
    const { error } = await chat([{ content: "new", clientId: "m3" }, second]);
    expect(error).toMatchObject({
      rawMessage: "messages[0].client_id: must be that of a stored message, as the last one's is",
    });
    expect((await chat([first, { content: "other", clientId: "m2" }])).error).toMatchObject({
      rawMessage: expect.stringContaining("messages[1].client_id: another message"),
    });
    expect(await log()).toHaveLength(4);
  });

  test("of a request id is stored once, and its repeat has the same messages", async () => {
    const { chat, log } = await scene();
    agent.script.push(says(text("ok")));
    const list = [{ content: "a" }, { content: "b" }];
    const heard = await chat(list, { requestId: "r1" });
    const again = await chat(list, { requestId: "r1" });
    expect(again.started).toEqual(heard.started);
    expect(await log()).toEqual(["2 MESSAGE a", "3 MESSAGE b", "4 MESSAGE ok"]);
  });

  test("that waits for a turn stays together after that turn's reply", async () => {
    const { ann, chat, conversationId, log } = await scene();
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    agent.script.push(
      async function* () {
        await held;
        yield text("one");
        return undefined;
      },
      says(text("two")),
    );
    const first = chat([{ content: "a" }]);
    await expect.poll(() => agent.requests.length).toBe(1);
    const second = chat([{ content: "b" }, { content: "c" }], { ifRunning: TurnPolicy.QUEUE });
    await expect.poll(async () => (await ann.turns.listTurns({ conversationId })).turns.length).toBe(2);
    go();
    await Promise.all([first, second]);
    expect(await log()).toEqual(["2 MESSAGE a", "3 MESSAGE b", "4 MESSAGE c", "5 MESSAGE one", "6 MESSAGE two"]);
    expect(given(agent.requests[1] as never)).toEqual(["a", "one", "b", "c"]);
  });

  test("begins a branch with the parent of its first", async () => {
    const { chat, ann, conversationId } = await scene();
    agent.script.push(says(text("Porto.")), says(text("Lisbon.")));
    const { started } = await chat([{ content: "Where?" }]);
    await chat([{ content: "Please:", parentId: conversationId }, { content: "where?" }]);
    const { messages } = await ann.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["Please:", "where?", "Lisbon."]);
    const { branches } = await ann.messages.listBranches({ conversationId });
    expect(branches).toHaveLength(2);
    expect(started?.messages).toHaveLength(1);
  });
});

test("a result that brings nothing is refused by its name; an empty text and an error are results", async () => {
  const { ann, conversationId } = await scene();
  const tool = { name: "look", description: "Looks", runs: { case: "client", value: {} } };
  const begin = async () => {
    agent.script.push(says({ kind: "tool_call", callId: "c1", name: "look" }), says(text("ok")));
    for await (const { event } of ann.turns.chat({
      conversationId,
      message: { content: "hi" },
      tools: [tool as never],
    })) {
      if (event.case === "inputRequired") return event.value.turn?.id ?? "";
    }
    throw new Error("it did not wait");
  };
  const turnId = await begin();
  expect(await failureOf(ann.turns.answerTurn({ turnId, results: [{ callId: "c1" }] }))).toEqual({
    code: "InvalidArgument",
    reason: "INVALID_FIELD",
    message: "results[0]: must have text, json or parts, unless is_error is set",
  });
  await ann.turns.answerTurn({ turnId, results: [{ callId: "c1", output: { case: "text", value: "" } }] });
  await hear(ann.turns.resumeTurn({ turnId }));
  const other = await begin();
  await ann.turns.answerTurn({ turnId: other, results: [{ callId: "c1", isError: true }] });
  await hear(ann.turns.resumeTurn({ turnId: other }));
  expect(given(agent.requests.at(-1) as never).at(-1)).toBe("result c1 undefined (error)");
});
