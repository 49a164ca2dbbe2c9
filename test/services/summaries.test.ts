// Summaries: what agents get instead of older entries, and nobody else.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { conversationLine, imported, messageLine } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
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

/** A conversation of messages `m2` to `m7`, each named by its number in the log. */
async function scene(more: object = {}) {
  const tenant = await server.tenant("ann");
  await tenant.key().agents.createAgent({ agent: { name: "a", connector: { case: "echo", value: {} } } });
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "a", ...more } });
  const conversationId = conversation?.id ?? "";
  const messages = Array.from({ length: 6 }, (_, n) => ({ content: `m${n + 2}` }));
  await ann.messages.batchSendMessages({ conversationId, messages });
  const sum = async (words: string, through: unknown, name = "summary") => {
    const data = { case: "data", value: { name, json: JSON.stringify({ throughSeq: through }) } } as const;
    const parts = [
      ...(words ? [{ content: { case: "text", value: { text: words } } as const }] : []),
      { content: data },
    ];
    const message = { kind: MessageKind.SUMMARY, role: MessageRole.SYSTEM, parts };
    return (await ann.messages.sendMessage({ conversationId, message })).message;
  };
  const next = async () => {
    agent.script.push(says(text("ok")));
    const { error } = await hear(ann.turns.chat({ conversationId, message: { content: "next" } }));
    expect(error).toBeUndefined();
    return agent.requests.at(-1)?.messages.map(({ content }) => content);
  };
  return { ann, conversationId, sum, next };
}

test("a summary stands for what came up to its seq, in the agent's view alone", async () => {
  const { ann, conversationId, sum, next } = await scene();
  await sum("two to five", 5);
  expect(await next()).toEqual(["two to five", "m6", "m7", "next"]);
  const { messages } = await ann.messages.listMessages({ conversationId });
  expect(messages.map(({ content }) => content)).toEqual(["m2", "m3", "m4", "m5", "m6", "m7", "next", "ok"]);
  expect((await ann.conversations.getConversation({ conversationId })).conversation?.messageCount).toBe(8n);
});

test("the last one counts, and once it is deleted the one before", async () => {
  const { ann, sum, next } = await scene();
  await sum("two", 2);
  const last = await sum("two to six", "6");
  expect(await next()).toEqual(["two to six", "m7", "next"]);
  await ann.messages.deleteMessage({ messageId: last?.id ?? "" });
  expect(await next()).toEqual(["two", "m3", "m4", "m5", "m6", "m7", "next", "ok", "next"]);
});

test("it stays first though more messages follow than the agent gets", async () => {
  const { sum, next } = await scene({ maxContextLength: 3 });
  await sum("two to three", 3);
  expect(await next()).toEqual(["two to three", "m6", "m7", "next"]);
  expect(await next()).toEqual(["two to three", "next", "ok", "next"]);
});

test("one that stands for what is not there is refused, when it is sent and when it is edited", async () => {
  const { ann, conversationId, sum } = await scene();
  const field = "message.parts[1].data.json";
  const refused = { code: "InvalidArgument", reason: "INVALID_FIELD" };
  const unclear = { ...refused, message: `${field}: must have a throughSeq, the number of an entry of the log` };
  for (const through of [0, -1, 1.5, "x", null])
    expect(await failureOf(sum(`not ${through}`, through))).toEqual(unclear);
  const beyond = (last: number) => `${field}: must have a throughSeq of at most ${last}, the last entry before it`;
  expect(await failureOf(sum("too far", 8))).toEqual({ ...refused, message: beyond(7) });
  const messageId = (await sum("all", 7))?.id ?? "";
  const { message } = await ann.messages.getMessage({ messageId });
  const json = JSON.stringify({ throughSeq: 8 });
  const parts = [message?.parts[0], { content: { case: "data", value: { name: "summary", json } } }];
  expect(await failureOf(ann.messages.updateMessage({ messageId, message: { parts: parts as never } }))).toMatchObject({
    message: beyond(7),
  });
  expect((await ann.conversations.getConversation({ conversationId })).conversation?.lastSeq).toBe(8n);
});

test("one that stands for what is not there is refused in new lists, new conversations and imports too", async () => {
  const { ann, conversationId } = await scene();
  const refused = (field: string, last: number) =>
    `${field}.data.json: must have a throughSeq of at most ${last}, the last entry before it`;
  const summaryOf = (through: number) => ({
    kind: MessageKind.SUMMARY,
    role: MessageRole.SYSTEM,
    parts: [
      { content: { case: "data", value: { name: "summary", json: JSON.stringify({ throughSeq: through }) } } } as const,
      { content: { case: "text", value: { text: "what was" } } } as const,
    ],
  });
  const kinds = [MessageKind.MESSAGE, MessageKind.SUMMARY];
  const kept = Array.from({ length: 6 }, (_, n) => ({ content: `m${n + 2}` }));
  const replace = (...more: object[]) =>
    ann.messages.replaceMessages({ conversationId, kinds, messages: [...kept, ...more] as never });
  const second = { content: "more" };
  expect(await failureOf(replace(second, summaryOf(9)))).toMatchObject({ message: refused("messages[7].parts[0]", 8) });
  await replace(second, summaryOf(8));
  expect(await failureOf(replace(second, summaryOf(9)))).toMatchObject({ message: refused("messages[7].parts[0]", 8) });
  await replace(second, summaryOf(3));

  const create = (through: number) => ann.conversations.createConversation({ messages: [second, summaryOf(through)] });
  expect(await failureOf(create(3))).toMatchObject({ message: refused("messages[1].parts[0]", 2) });
  const made = (await create(2)).conversation?.id ?? "";
  const { messages } = await ann.messages.listMessages({ conversationId: made, kinds });
  expect(messages.map(({ seq }) => seq)).toEqual([2n, 3n]);

  const key = (await server.tenant()).key();
  const line = (id: string, through: number) =>
    messageLine("c", id, {
      kind: "MESSAGE_KIND_SUMMARY",
      content: "what was",
      parts: [
        { text: { text: "what was" } },
        { data: { name: "summary", json: JSON.stringify({ throughSeq: through }) } },
      ],
    });
  const lines = [conversationLine("c"), messageLine("c", "1"), line("2", 2), line("3", 1), line("4", 2)];
  const { errors, messageCount } = await imported(key, lines);
  expect(errors).toMatchObject([
    { line: 3n, description: `message.${refused("parts[1]", 1).replace("message.", "")}` },
  ]);
  expect(messageCount).toBe(3n);
});

test("one without a text, and one whose data has another name, is an entry like others", async () => {
  const { sum, next } = await scene();
  await sum("", 4);
  await sum("other", 4, "another");
  const seen = await next();
  expect(seen?.slice(0, 6)).toEqual(["m2", "m3", "m4", "m5", "m6", "m7"]);
  expect(seen?.at(-1)).toBe("next");
});

test("it counts on its branch alone, and the message that is replied to again stays", async () => {
  const { ann, conversationId, sum, next } = await scene();
  await sum("two to seven", 7);
  const { messages } = await ann.messages.listMessages({ conversationId });
  agent.script.push(says(text("again")));
  await hear(ann.turns.regenerate({ conversationId, messageId: messages[2]?.id ?? "" }));
  expect(given(agent.requests.at(-1) as never)).toEqual(["m2", "m3", "m4"]);
  await ann.messages.selectBranch({ conversationId, messageId: messages[5]?.id ?? "" });
  expect(await next()).toEqual(["two to seven", "next"]);
});
