// Messages that clients bring: as drafts of ours and back, and what of a posted chat is not stored yet.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageRole, type MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { keepFiles } from "../../dialects/shared/files/keep.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { findConversation } from "../shared/conversations.ts";
import { makeWay } from "../shared/make-way.ts";
import { findMessage, refuseIdOfReply } from "./known-messages.ts";
import { fromUiParts, plainText } from "./parts/read.ts";
import { toUiParts } from "./parts/write.ts";
import type { PostParts } from "./reply.ts";
import type { UiMessage } from "./request.ts";

export type Draft = MessageInitShape<typeof MessageSchema>;

const ROLES = { user: MessageRole.USER, assistant: MessageRole.ASSISTANT, system: MessageRole.SYSTEM } as const;
/** Most messages that one request may bring besides its last. */
const MAX_NEW = 100;
/** As the contract has it. */
const MAX_PARTS = 512;

/** A posted message as it is stored: its files are stored already. */
export async function draftOf({ canonical, context, posted }: PostParts, message: UiMessage): Promise<Draft> {
  return keepFiles(canonical, context, posted.id, toDraft(message));
}

function toDraft({ id, role, parts, metadata }: UiMessage): Draft {
  // Refused later too, but to make ours of them all would take long.
  if (parts.length > MAX_PARTS) {
    throw invalidField("message.parts", `must contain no more than ${MAX_PARTS} item(s)`, "repeated.max_items");
  }
  const content = plainText(parts);
  return {
    clientId: id,
    role: ROLES[role],
    ...(content === undefined ? { parts: fromUiParts(parts) } : { content }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** A message that stands for itself, not in a turn. */
export function toUiMessage({ id, clientId, role, content, parts, metadata }: Message): UiMessage {
  const isAgents = role === MessageRole.ASSISTANT || role === MessageRole.TOOL;
  const text = content === "" ? [] : [{ type: "text", text: content }];
  return {
    id: clientId || id,
    role: role === MessageRole.USER ? "user" : isAgents ? "assistant" : "system",
    parts: parts.length === 0 ? text : toUiParts(parts),
    ...(metadata !== undefined && Object.keys(metadata).length > 0 && { metadata }),
  };
}

/** The conversation of a chat that is new, with the messages before the last one. */
export async function makeChat(parts: PostParts): Promise<Conversation> {
  const { canonical, context, posted, agent } = parts;
  if (posted.count - 1 > MAX_NEW) throw tooMany();
  const before: Draft[] = [];
  for (let index = 0; index < posted.count - 1; index++) before.push(await draftOf(parts, posted.message(index)));
  const request = { conversation: { clientId: posted.id, agent }, messages: before };
  try {
    const { conversation } = await canonical.call(context, ConversationService.method.createConversation, request);
    if (conversation !== undefined) return conversation;
  } catch (error) {
    // Another request has made it meanwhile.
    if (!(error instanceof DomainError) || error.reason !== ErrorReason.ALREADY_EXISTS) throw error;
    const conversation = await findConversation(canonical, context, posted.id);
    if (conversation === undefined) throw error;
    return conversation;
  }
  throw new Error("a conversation was created without an answer");
}

/**
 * Stores the messages before the last one that are not stored, back to one that is. A reply is known by its form: no
 * client makes the ids of turns.
 */
export async function storeUnknown(parts: PostParts, conversationId: string): Promise<void> {
  const { canonical, context, posted } = parts;
  const unknown: UiMessage[] = [];
  for (let index = posted.count - 2; index >= 0; index--) {
    const message = posted.message(index);
    if (message.role === "assistant" && isOurId(message.id)) break;
    if ((await findMessage(canonical, context, conversationId, message.id)) !== undefined) break;
    await refuseIdOfReply(canonical, context, conversationId, message.id, posted.place(index));
    unknown.unshift(message);
    if (unknown.length > MAX_NEW) throw tooMany();
  }
  if (unknown.length === 0) return;
  // Nothing of the request is stored if a reply is in its way.
  await makeWay({ ...parts, conversationId });
  const messages: Draft[] = [];
  for (const message of unknown) messages.push(await draftOf(parts, message));
  await canonical.call(context, MessageService.method.batchSendMessages, { conversationId, messages });
}

function tooMany(): DomainError {
  return invalidField("messages", `must have at most ${MAX_NEW} new messages besides the last`, "max_items");
}
