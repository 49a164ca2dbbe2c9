import { createClient } from "colloquy/client";

const { conversations, messages } = createClient({ baseUrl: "http://127.0.0.1:8080", apiKey: process.env.KEY ?? "" });
const { conversation } = await conversations.createConversation({ conversation: { title: "Hello" } });
const conversationId = conversation?.id ?? "";
const { message } = await messages.sendMessage({ conversationId, message: { content: "Hi there" } });
const messageId = message?.id ?? "";
await messages.updateMessage({ messageId, message: { content: "Hi, all" } });
const page = await messages.listMessages({ conversationId, pageSize: 10 });
console.log(page.messages.map(({ seq, content }) => `${seq} ${content}`));
await messages.deleteMessage({ messageId });
await messages.restoreMessage({ messageId });
