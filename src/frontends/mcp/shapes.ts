// Conversations and messages as tools answer them, and how many of them one response holds.
import type { DescEnum } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import { type Conversation, ConversationStatusSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  type Message,
  MessageRoleSchema,
  MessageState,
  MessageStateSchema,
} from "../../../gen/colloquy/v1/message_pb.ts";
import { actorText } from "../../domain/identity/actor.ts";

/** What the items of one response take at most as JSON, in bytes; the first is answered however long it is. */
export const MAX_ITEM_BYTES = 256 << 10;

const time = z.string().describe("RFC 3339, in UTC");

export const conversationShape = z.looseObject({
  id: z.string(),
  title: z.string(),
  status: z.string().describe("active, archived or closed"),
  agent: z.string().optional().describe("The name of the agent that answers in it"),
  ownerId: z.string().optional(),
  messageCount: z.int().min(0),
  lastSeq: z.int().min(0).describe("The number of the last entry in its log"),
  createTime: time,
  lastMessageTime: time.optional(),
});

export const messageShape = z.looseObject({
  id: z.string(),
  seq: z.int().min(0).describe("Its place in the conversation: rises, with gaps where messages were deleted"),
  role: z.string().describe("user, assistant, system or tool"),
  sender: z.string().describe("The member, `key:` and the id of an API key, or `agent:` and the id of an agent"),
  text: z.string(),
  state: z.string().optional().describe("streaming or failed; complete is left out"),
  createTime: time,
  editTime: time.optional(),
});

export function toConversation(conversation: Conversation): z.input<typeof conversationShape> {
  const { id, title, status, agent, ownerId, messageCount, lastSeq, createTime, lastMessageTime } = conversation;
  return {
    id,
    title,
    status: word(ConversationStatusSchema, status),
    ...(agent !== "" && { agent }),
    ...(ownerId !== "" && { ownerId }),
    messageCount: Number(messageCount),
    lastSeq: Number(lastSeq),
    createTime: text(createTime),
    ...(lastMessageTime && { lastMessageTime: text(lastMessageTime) }),
  };
}

export function toMessage(message: Message): z.input<typeof messageShape> {
  const { id, seq, role, sender, content, state, createTime, editTime } = message;
  return {
    id,
    seq: Number(seq),
    role: word(MessageRoleSchema, role),
    sender: sender === undefined ? "" : actorText(sender),
    text: content,
    ...(state !== MessageState.COMPLETE && { state: word(MessageStateSchema, state) }),
    createTime: text(createTime),
    ...(editTime && { editTime: text(editTime) }),
  };
}

/** The first items, as many as fit into {@link MAX_ITEM_BYTES}. */
export function thoseThatFit<T>(items: readonly T[]): readonly T[] {
  let bytes = 0;
  const end = items.findIndex((item, at) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    return at > 0 && bytes > MAX_ITEM_BYTES;
  });
  return end === -1 ? items : items.slice(0, end);
}

/** A value of an enum as a word, such as `active`. */
export function word(schema: DescEnum, value: number): string {
  return (schema.value[value]?.localName ?? "unknown").toLowerCase();
}

function text(at: Timestamp | undefined): string {
  return at === undefined ? "" : timestampDate(at).toISOString();
}
