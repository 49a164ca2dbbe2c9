// Pairs the messages of the dialect with those of the services.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type * as pb from "../../../gen/colloquy/compat/assistant/v1/conversation_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { MessageRole, type MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { LeanMessage } from "../shared/lean-message.ts";

const ROLES: Readonly<Record<string, MessageRole>> = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  tool: MessageRole.TOOL,
};
const ROLE_NAMES: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(ROLES).map(([name, role]) => [role, name])),
  // They instruct as the system does, and the API has no word for them.
  [MessageRole.DEVELOPER]: "system",
};

export function toListed(
  conversation: Conversation,
  messages: readonly LeanMessage[],
): MessageInitShape<typeof pb.ConversationSchema> {
  return {
    ...toCreated(conversation, messages.map(fromMessage)),
    isPinned: conversation.pinned,
    userId: conversation.ownerId,
    ...(conversation.agent && { agentId: conversation.agent }),
    ...(conversation.mode && { mode: conversation.mode }),
  };
}

export function toCreated(
  { id, title, createTime, updateTime }: Conversation,
  messages: MessageInitShape<typeof pb.MessageSchema>[],
) {
  return { id, title, messages, createdAt: msOf(createTime), updatedAt: msOf(updateTime) };
}

/** The times of messages are those that were given, else those at which the store took them. */
export function fromMessage({
  role,
  content,
  clientTime,
  createTime,
}: LeanMessage): MessageInitShape<typeof pb.MessageSchema> {
  return { role: ROLE_NAMES[role] ?? "user", content, timestamp: msOf(clientTime ?? createTime) };
}

/** Throws INVALID_FIELD for a time that is no whole number of milliseconds. */
export function toMessage(
  { role, content, timestamp }: pb.Message,
  index: number,
): MessageInitShape<typeof MessageSchema> {
  // Checked here: an expression of the contract takes 50 microseconds for each of 20,000 messages.
  if (timestamp !== undefined && !Number.isInteger(timestamp)) {
    throw invalidField(`messages[${index}].timestamp`, "must be a whole number of milliseconds", "timestamp.whole");
  }
  return {
    role: ROLES[role] ?? MessageRole.USER,
    content,
    ...(timestamp !== undefined && { clientTime: timestampFromMs(timestamp) }),
  };
}

export function msOf(time: Conversation["createTime"]): number {
  return time === undefined ? 0 : timestampMs(time);
}
