// The agent of a conversation that a front end talks to.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** The agent where neither the conversation nor the request names one. */
export const DEFAULT_AGENT = "default";

/** The conversation, which gets the agent if it has none: an agent's name or id. */
export async function withAgent(
  canonical: Canonical,
  context: CallContext,
  conversation: Conversation,
  agent: string,
): Promise<Conversation> {
  if (conversation.agent !== "") return conversation;
  const { updateConversation } = ConversationService.method;
  const request = { conversationId: conversation.id, conversation: { agent }, updateMask: { paths: ["agent"] } };
  return (await canonical.call(context, updateConversation, request)).conversation ?? conversation;
}
