// Replies that are made once more, and messages that are edited: on branches, so that nothing is lost.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import {
  type Any,
  type ChatServer,
  chatOf,
  fails,
  historyOf,
  pauses,
  post,
  says,
  startChats,
  user,
  VERSIONS,
} from "../../support/fronts/ai-sdk.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats();
});
afterAll(() => server.close());
afterEach(() => {
  server.script.length = 0;
});

const texts = (messages: Any[]) => messages.map(({ parts }) => parts.at(-1).text);
const clients = () => ({
  conversations: server.server.client(ConversationService, server.credential),
  messages: server.server.client(MessageService, server.credential),
});

async function conversationOf(id: string): Promise<string> {
  const { conversations } = await clients().conversations.listConversations({ clientId: id });
  return conversations[0]?.id ?? "";
}

describe.each(VERSIONS)("version %i", (version) => {
  test("a reply is made once more: the new one is shown, the old one kept", async () => {
    server.script.push(says({ text: "One" }), says({ text: "Two" }), says({ text: "Three" }));
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "Count" });
    await chat.regenerate();
    expect(texts(chat.messages)).toEqual(["Count", "Two"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.regenerate({ messageId: chat.lastMessage.id });
    expect(texts(chat.messages)).toEqual(["Count", "Three"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    const { branches } = await clients().messages.listBranches({ conversationId: await conversationOf(chat.id) });
    expect(branches).toHaveLength(3);
  });

  test("a reply in the middle: what came after it leaves with it", async () => {
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "A" });
    await chat.sendMessage({ text: "B" });
    server.script.push(says({ text: "New" }));
    await chat.regenerate({ messageId: chat.messages[1].id });
    expect(texts(chat.messages)).toEqual(["A", "New"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a message is edited: the same message, whose old words are a revision, and a new reply", async () => {
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "A", metadata: { n: 1 } });
    await chat.sendMessage({ text: "B" });
    server.script.push(says({ text: "New" }));
    const [first] = chat.messages;
    const files = [{ type: "file", mediaType: "text/plain", url: "data:,hi" }];
    await chat.sendMessage({ text: "A, better", files, messageId: first.id });
    expect(chat.error).toBeUndefined();
    expect(chat.messages.map(({ id }: Any) => id)[0]).toBe(first.id);
    expect(texts(chat.messages)).toEqual(["A, better", "New"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    const { messages } = clients();
    const [stored] = (await messages.listMessages({ conversationId: await conversationOf(chat.id) })).messages;
    const { revisions } = await messages.listMessageRevisions({ messageId: stored?.id ?? "" });
    expect(revisions.map(({ content }) => content)).toEqual(["A"]);
  });

  test("a message without a reply gets one", async () => {
    server.script.push(fails, fails, says({ text: "Now" }));
    const chat = chatOf(server, version);
    await chat.sendMessage({ text: "A" });
    expect(chat.status).toBe("error");
    await chat.regenerate();
    expect(texts(chat.messages)).toEqual(["A", "Now"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });
});

describe("the same request again", () => {
  test("a reply is not made a third time", async () => {
    server.script.push(says({ text: "One" }), says({ text: "Two" }));
    const id = randomUUID();
    const asked = user("Count");
    await post(server, { id, messages: [asked] });
    const [, old] = await historyOf(server, id);
    const again = { id, messages: [asked], trigger: "regenerate-message", messageId: old.id };
    const before = server.agent.calls.length;
    const [first, second] = [await post(server, again), await post(server, again)];
    expect(second.chunks).toEqual(first.chunks);
    expect(server.agent.calls.length).toBe(before + 1);
    expect(texts(await historyOf(server, id))).toEqual(["Count", "Two"]);
  });

  test("unless the old reply is shown again, as its branch was selected", async () => {
    server.script.push(says({ text: "One" }), says({ text: "Two" }), says({ text: "Three" }));
    const id = randomUUID();
    const asked = user("Count");
    await post(server, { id, messages: [asked] });
    const [, old] = await historyOf(server, id);
    const again = { id, messages: [asked], trigger: "regenerate-message", messageId: old.id };
    await post(server, again);
    const { messages } = clients();
    const conversationId = await conversationOf(id);
    const { branches } = await messages.listBranches({ conversationId });
    const hidden = branches.find(({ live }) => !live);
    await messages.selectBranch({ conversationId, messageId: hidden?.messageId ?? "" });
    expect(texts(await historyOf(server, id))).toEqual(["Count", "One"]);
    await post(server, again);
    expect(texts(await historyOf(server, id))).toEqual(["Count", "Three"]);
  });

  test("an edit is made once, and replied to once", async () => {
    const id = randomUUID();
    const asked = user("Count");
    await post(server, { id, messages: [asked] });
    server.script.push(says({ text: "One" }), says({ text: "Two" }));
    const edited = { id, messages: [{ ...asked, parts: [{ type: "text", text: "Count!" }] }], messageId: asked.id };
    const [first, second] = [await post(server, edited), await post(server, edited)];
    expect(second.chunks).toEqual(first.chunks);
    expect(texts(await historyOf(server, id))).toEqual(["Count!", "One"]);
  });
});

test("while a reply is made nothing is edited or made anew, unless the request interrupts it", async () => {
  const { call, asked } = pauses([{ text: "On and on" }]);
  server.script.push(call);
  const id = randomUUID();
  const message = user("Count");
  const running = post(server, { id, messages: [message] });
  await asked;
  const edited = { id, messages: [{ ...message, parts: [{ type: "text", text: "Stop" }] }], messageId: message.id };
  expect((await post(server, edited)).status).toBe(409);
  expect((await post(server, { id, messages: [message], trigger: "regenerate-message" })).status).toBe(409);
  expect(texts(await historyOf(server, id))).toEqual(["Count"]);
  expect((await post(server, edited, "?ifRunning=interrupt")).status).toBe(200);
  expect((await running).chunks.at(-2)).toEqual({ type: "abort" });
  expect(texts(await historyOf(server, id))).toEqual(["Stop", "Hello"]);
});

test("a message that another API has sent is known by its own id", async () => {
  const { conversations, messages } = clients();
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const { message } = await messages.sendMessage({ conversationId, message: { content: "From elsewhere" } });
  const shown = await historyOf(server, conversationId);
  expect((await post(server, { id: conversationId, messages: shown })).status).toBe(200);
  const history = await historyOf(server, conversationId);
  expect(history.map(({ id }: Any) => id)).toEqual([message?.id, expect.any(String)]);
  expect(texts(history)).toEqual(["From elsewhere", "Hello"]);
});
