// The tools that write: create_conversation and append_message.
import { z } from "zod";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { conversationId, keyed, messageText, requestId } from "./arguments.ts";
import { conversationShape, messageShape, toConversation, toMessage } from "./shapes.ts";
import { defineTool } from "./tool.ts";

const ADDS = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false } as const;

/** The agent that answers in conversations for which none was chosen. */
const DEFAULT_AGENT = "default";

export const createTool = defineTool({
  name: "create_conversation",
  title: "Create a conversation",
  description: "Creates a conversation of the caller's own.",
  input: z.strictObject({
    title: z.string().default("").describe("At most 500 characters"),
    agent: z.string().optional().describe(`The name of the agent that ask_agent asks. Default: ${DEFAULT_AGENT}`),
    requestId,
  }),
  output: z.looseObject({ conversation: conversationShape }),
  annotations: ADDS,
  async run({ title, agent = DEFAULT_AGENT, requestId: id }, { canonical, context }) {
    const request = { conversation: { title, agent }, ...(id !== undefined && { requestId: id }) };
    const { createConversation } = ConversationService.method;
    const { conversation } = await canonical.once(keyed(context, id), createConversation, request);
    if (conversation === undefined) throw new Error("a conversation was created without an answer");
    return { conversation: toConversation(conversation) };
  },
});

export const appendTool = defineTool({
  name: "append_message",
  title: "Append a message",
  description: "Appends a message of the caller to a conversation. No agent answers it: for that there is ask_agent.",
  input: z.strictObject({ conversationId, text: messageText, requestId }),
  output: z.looseObject({ message: messageShape }),
  annotations: ADDS,
  async run({ conversationId: to, text, requestId: id }, { canonical, context }) {
    const request = { conversationId: to, message: { content: text }, ...(id !== undefined && { requestId: id }) };
    const { message } = await canonical.once(keyed(context, id), MessageService.method.sendMessage, request);
    if (message === undefined) throw new Error("a message was sent without an answer");
    return { message: toMessage(message) };
  },
});
