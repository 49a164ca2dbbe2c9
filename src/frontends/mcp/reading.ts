// The tools that read: list_conversations, read_conversation and search_messages.
import { z } from "zod";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { conversationId, limit } from "./arguments.ts";
import { conversationShape, messageShape, thoseThatFit, toConversation, toMessage } from "./shapes.ts";
import { defineTool } from "./tool.ts";

const READS = { readOnlyHint: true, openWorldHint: false } as const;

export const listTool = defineTool({
  name: "list_conversations",
  title: "List conversations",
  description: "Lists the conversations that the caller may see, newest first.",
  input: z.strictObject({
    limit: limit(100, 20),
    cursor: z.string().optional().describe("The nextCursor of the page before, with the same limit"),
  }),
  output: z.looseObject({
    conversations: z.array(conversationShape),
    nextCursor: z.string().optional().describe("Asks for the next page. Missing: there is none"),
  }),
  annotations: READS,
  async run({ limit: pageSize, cursor }, { canonical, context }) {
    const request = { pageSize, pageToken: cursor ?? "" };
    const { conversations, nextPageToken } = await canonical.call(
      context,
      ConversationService.method.listConversations,
      request,
    );
    return { conversations: conversations.map(toConversation), ...(nextPageToken && { nextCursor: nextPageToken }) };
  },
});

export const readTool = defineTool({
  name: "read_conversation",
  title: "Read a conversation",
  description:
    "Reads messages of a conversation, oldest first. A result holds about 256 KiB of messages at most; if there are " +
    "more, pass nextAfterSeq as afterSeq to go on.",
  input: z.strictObject({
    conversationId,
    afterSeq: z.int().min(0).default(0).describe("Only messages after this place. Default: 0, from the beginning"),
    limit: limit(200, 50),
  }),
  output: z.looseObject({
    conversation: conversationShape,
    messages: z.array(messageShape),
    nextAfterSeq: z.int().min(0).optional().describe("Asks for what follows. Missing: that was the end"),
  }),
  annotations: READS,
  async run({ conversationId: id, afterSeq, limit: pageSize }, { canonical, context }) {
    const [{ conversation }, page] = await Promise.all([
      canonical.call(context, ConversationService.method.getConversation, { conversationId: id }),
      canonical.call(context, MessageService.method.listMessages, {
        conversationId: id,
        afterSeq: BigInt(afterSeq),
        pageSize,
      }),
    ]);
    if (conversation === undefined) throw new Error("a conversation was read without an answer");
    const messages = thoseThatFit(page.messages.map(toMessage));
    const isMore = page.nextPageToken !== "" || messages.length < page.messages.length;
    const last = messages.at(-1)?.seq;
    return {
      conversation: toConversation(conversation),
      messages: [...messages],
      ...(isMore && last !== undefined && { nextAfterSeq: last }),
    };
  },
});

export const searchTool = defineTool({
  name: "search_messages",
  title: "Search messages",
  description:
    "Finds messages by words, best first, in all conversations that the caller may see or in one. " +
    'All words must occur; "…" asks for words next to each other, `or` for one of two, `-` for absence, `word*` for a beginning.',
  input: z.strictObject({
    query: z.string().describe("The words, 1 to 500 characters"),
    conversationId: z.string().optional().describe("Only in this conversation. Default: in all"),
    limit: limit(50, 20),
  }),
  output: z.looseObject({
    matches: z.array(
      z.looseObject({
        conversationId: z.string(),
        messageId: z.string(),
        seq: z.int().min(0).describe("Its place: read_conversation with afterSeq one less begins with it"),
        role: z.string(),
        sender: z.string(),
        snippet: z.string().describe("The part of the text around the first match"),
        createTime: z.string(),
      }),
    ),
  }),
  annotations: READS,
  async run({ query, conversationId: id = "", limit: pageSize }, { canonical, context }) {
    const request = { query, conversationId: id, pageSize };
    const { matches } = await canonical.call(context, MessageService.method.searchMessages, request);
    return {
      matches: matches.flatMap(({ message, snippet }) => {
        if (message === undefined) return [];
        const { id: messageId, seq, role, sender, createTime } = toMessage(message);
        return [{ conversationId: message.conversationId, messageId, seq, role, sender, snippet, createTime }];
      }),
    };
  },
});
