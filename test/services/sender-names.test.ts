// Names of senders: several who speak through one actor, told apart in one conversation.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import type { Message } from "../../gen/colloquy/v1/message_pb.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { hear } from "../support/fronts/chat.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());

const from = (displayName: string, content: string) => ({ content, sender: { displayName } });
const names = (messages: readonly Message[]) =>
  messages.map(({ sender, content }) => [content, sender?.displayName ?? null]);

async function scene() {
  const tenant = await server.tenant("ann");
  const key = tenant.key();
  const { conversation } = await key.conversations.createConversation({ messages: [from("Planner", "first")] });
  return { tenant, key, conversationId: conversation?.id ?? "" };
}

test("a key gives a name with each message, and every reading has it beside who sent it", async () => {
  const { key, conversationId } = await scene();
  const { message } = await key.messages.sendMessage({ conversationId, message: from("Critic", "one") });
  const { messages } = await key.messages.batchSendMessages({
    conversationId,
    messages: [from("Planner", "two"), { content: "three" }],
  });
  expect(message?.sender).toMatchObject({ type: ActorType.API_KEY, displayName: "Critic" });
  expect(names(messages)).toEqual([
    ["two", "Planner"],
    ["three", null],
  ]);
  const all = [
    ["first", "Planner"],
    ["one", "Critic"],
    ["two", "Planner"],
    ["three", null],
  ];
  const listed = (await key.messages.listMessages({ conversationId })).messages;
  expect(names(listed)).toEqual(all);
  expect((await key.messages.getMessage({ messageId: message?.id ?? "" })).message).toEqual(listed[1]);
  const { events } = await key.events.listEvents({ conversationId });
  const sent = events.flatMap(({ change }) => (change.case === "messageSent" ? [change.value] : []));
  expect(names(sent)).toEqual(all);
  const { matches } = await key.messages.searchMessages({ query: "two" });
  expect(names(matches.flatMap((match) => match.message ?? []))).toEqual([["two", "Planner"]]);
  const { conversation } = await key.conversations.forkConversation({ conversationId });
  const fork = await key.messages.listMessages({ conversationId: conversation?.id ?? "" });
  expect(names(fork.messages)).toEqual(all);
});

test("it stays through edits, deletion and restoration, and through a list that replaces the messages", async () => {
  const { key, conversationId } = await scene();
  const { message } = await key.messages.sendMessage({ conversationId, message: from("Critic", "one") });
  const messageId = message?.id ?? "";
  const edited = await key.messages.updateMessage({
    messageId,
    message: { content: "uno", sender: { displayName: "Other" } },
    updateMask: { paths: ["content"] },
  });
  expect(names([edited.message as Message])).toEqual([["uno", "Critic"]]);
  expect((await key.messages.listMessageRevisions({ messageId })).revisions).toMatchObject([{ content: "one" }]);
  await key.messages.deleteMessage({ messageId });
  expect(names([(await key.messages.restoreMessage({ messageId })).message as Message])).toEqual([["uno", "Critic"]]);
  await key.messages.replaceMessages({
    conversationId,
    messages: [{ content: "first" }, from("Ignored", "dos"), from("Poet", "new")],
  });
  expect(names((await key.messages.listMessages({ conversationId })).messages)).toEqual([
    ["first", "Planner"],
    ["dos", "Critic"],
    ["new", "Poet"],
  ]);
});

test("it is exported, and an import brings it back", async () => {
  const { key, conversationId } = await scene();
  const lines = await exported(key, conversationId);
  const other = await server.tenant();
  await imported(other.key(), lines);
  const { conversations } = await other.key().conversations.listConversations({});
  const read = await other.key().messages.listMessages({ conversationId: conversations[0]?.id ?? "" });
  expect(names(read.messages)).toEqual([["first", "Planner"]]);
  expect((await exported(other.key())).filter((line) => line.includes("Planner"))).toHaveLength(1);
});

test("members speak under their own: a name from them is refused with its field, and nothing is stored", async () => {
  const { tenant } = await scene();
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const rule =
    "sender.display_name: must be unset unless an administrator, or an API key on its own, sends the message";
  const refused = (message: string) => ({ code: "PermissionDenied", reason: "PERMISSION_DENIED", message });
  const { messages, turns, conversations } = ann;
  const named = from("The boss", "hi");
  expect(await failureOf(messages.sendMessage({ conversationId, message: named }))).toEqual(refused(`message.${rule}`));
  expect(await failureOf(messages.batchSendMessages({ conversationId, messages: [{ content: "x" }, named] }))).toEqual(
    refused(`messages[1].${rule}`),
  );
  expect(await failureOf(messages.replaceMessages({ conversationId, messages: [named] }))).toEqual(
    refused(`messages.${rule}`),
  );
  expect(await failureOf(conversations.createConversation({ messages: [named] }))).toEqual(
    refused(`messages[0].${rule}`),
  );
  expect((await hear(turns.chat({ conversationId, message: named }))).error).toMatchObject({
    rawMessage: `message.${rule}`,
  });
  const acting = tenant.key(undefined, "ann");
  expect(await failureOf(acting.messages.sendMessage({ conversationId, message: named }))).toEqual(
    refused(`message.${rule}`),
  );
  expect((await messages.listMessages({ conversationId })).messages).toEqual([]);
  const { message } = await tenant.member("boss", "admin").messages.sendMessage({ conversationId, message: named });
  expect(message?.sender).toMatchObject({ id: "boss", displayName: "The boss" });
});

test("an empty name, and one in a filter, are refused; a message sent again by its client id keeps its first", async () => {
  const { key, conversationId } = await scene();
  const send = (message: object) => key.messages.sendMessage({ conversationId, message });
  expect(await failureOf(send(from("", "x")))).toMatchObject({ code: "InvalidArgument" });
  expect(await failureOf(send(from("x".repeat(201), "x")))).toMatchObject({ code: "InvalidArgument" });
  expect(
    await failureOf(key.messages.listMessages({ conversationId, sender: { id: "x", displayName: "y" } })),
  ).toMatchObject({ message: "sender.display_name: must be unset in a filter" });
  await send({ ...from("Critic", "one"), clientId: "c" });
  const again = await send({ ...from("Critic", "one"), clientId: "c" });
  expect(names([again.message as Message])).toEqual([["one", "Critic"]]);
});

test("Chat and CreateTurn take it, and the agent reads it", async () => {
  const { tenant, key } = await scene();
  await key.agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } });
  const { conversation } = await key.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  agent.script.push(says(text("ok")), says(text("ok")));
  const heard = await hear(key.turns.chat({ conversationId, messages: [from("Ann", "a"), from("Bob", "b")] }));
  expect(names(heard.started?.messages ?? [])).toEqual([
    ["a", "Ann"],
    ["b", "Bob"],
  ]);
  expect(agent.requests[0]?.messages.map(({ sender_name }) => sender_name)).toEqual(["Ann", "Bob"]);
  const { turn } = await key.turns.createTurn({ agent: "helper", messages: [from("Cem", "c")] });
  await hear(tenant.key().turns.resumeTurn({ turnId: turn?.id ?? "" }));
  expect(agent.requests[1]?.messages.map(({ sender_name }) => sender_name)).toEqual(["Cem"]);
});
