// The time that the list shows of a conversation.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";

/**
 * When the latest message was sent, else when it was created. The time of its latest change is also that at which
 * somebody read it, which says nothing to others.
 */
export function activityTime({ lastMessageTime, createTime }: Pick<Conversation, "lastMessageTime" | "createTime">) {
  return lastMessageTime ?? createTime;
}
