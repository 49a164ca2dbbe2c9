// Reads the messages for an agent, when it is called.
import { systemCaller } from "../../domain/identity/caller.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { latestMessages, type TurnPlace } from "../../store/turns/turns.ts";
import type { ReplyRequest } from "../connectors/connector.ts";

/**
 * The last message is the one to reply to. While a turn was queued, later messages may have been added, such as the
 * reply of the turn before it.
 */
export async function replyRequestOf(on: Queryable, place: TurnPlace, asked: MessageRow): Promise<ReplyRequest> {
  const { tenantId, conversationId, id: turnId } = place;
  const conversation = await readConversation(on, systemCaller(tenantId, "server"), conversationId, true);
  if (conversation === undefined) throw new Error("the conversation was purged");
  const length = conversation.max_context_length;
  const latest = await latestMessages(on, tenantId, conversationId, length);
  const others = latest.filter(({ id }) => id !== asked.id);
  const { mode, metadata, persona, profile_info: profileInfo } = conversation;
  const messages = [...others.slice(Math.max(others.length - length + 1, 0)), asked];
  return { tenantId, conversationId, turnId, messages, tools: [], mode, metadata, persona, profileInfo };
}
