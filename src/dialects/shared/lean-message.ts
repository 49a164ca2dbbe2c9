// Messages as the dialects that know no parts show them. A response of many pages would otherwise hold the parts of all
// its messages, up to 1 MiB of each, which nobody reads and no budget counts.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";

export type LeanMessage = Pick<
  Message,
  "id" | "conversationId" | "role" | "sender" | "content" | "metadata" | "clientTime" | "createTime" | "deleteTime"
>;

export function toLean(message: Message): LeanMessage {
  const { id, conversationId, role, sender, content, metadata, clientTime, createTime, deleteTime } = message;
  return {
    id,
    conversationId,
    role,
    content,
    ...(sender && { sender }),
    ...(metadata && { metadata }),
    ...(clientTime && { clientTime }),
    ...(createTime && { createTime }),
    ...(deleteTime && { deleteTime }),
  };
}
