// Pairs the messages of the contract with those of the dialect.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { GetConversationAnalyticsResponseSchema } from "../../../gen/colloquy/compat/crm/v1/analytic_service_pb.ts";
import type {
  ConversationSchema as CrmConversationSchema,
  PaginationSchema,
} from "../../../gen/colloquy/compat/crm/v1/conversation_pb.ts";
import type { MessageSchema as CrmMessageSchema } from "../../../gen/colloquy/compat/crm/v1/message_pb.ts";
import type { ConversationAnalytics } from "../../../gen/colloquy/v1/analytics_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { LONGEST_PAGE } from "../shared/conversation-pages.ts";
import { skipOf, totalPages } from "../shared/numbered-pages.ts";
import { wordOfRole } from "../shared/vocabulary.ts";

const DEFAULT_PAGE = 20;

/** @param agent what it calls its agent: an id, where it is registered */
export function toConversation(
  conversation: Conversation,
  agent: string,
): MessageInitShape<typeof CrmConversationSchema> {
  const { id, tenantId, title, metadata = {}, maxContextLength, ownerId, ownedByLead } = conversation;
  const { createTime, updateTime, deleteTime } = conversation;
  return {
    id,
    companyId: tenantId,
    ...(agent && { agentId: agent }),
    ...(title && { title }),
    metadata,
    maxContextLength,
    ...(ownerId && (ownedByLead ? { leadId: ownerId } : { userId: ownerId })),
    ...(createTime && { createdAt: createTime }),
    ...(updateTime && { updatedAt: updateTime }),
    ...(deleteTime && { deletedAt: deleteTime }),
  };
}

export function toMessage(message: Message): MessageInitShape<typeof CrmMessageSchema> {
  const { id, conversationId, role, content, metadata = {}, createTime, deleteTime } = message;
  return {
    id,
    conversationId,
    role: wordOfRole(role),
    content,
    metadata,
    ...(createTime && { createdAt: createTime }),
    ...(deleteTime && { deletedAt: deleteTime }),
  };
}

/** A page as a request asks for it. */
export interface Page {
  readonly page: number;
  readonly size: number;
  readonly skip: number;
}

export interface PageRequest {
  readonly page?: number | undefined;
  readonly perPage?: number | undefined;
}

export function pageOf({ page = 1, perPage = DEFAULT_PAGE }: PageRequest): Page {
  const size = Math.min(perPage, LONGEST_PAGE);
  return { page, size, skip: skipOf(page, size) };
}

export function toPagination({ page, size }: Page, total: number): MessageInitShape<typeof PaginationSchema> {
  return { page, perPage: size, total, totalPages: totalPages(total, size) };
}

export function toAnalytics(
  analytics: ConversationAnalytics,
): MessageInitShape<typeof GetConversationAnalyticsResponseSchema> {
  const { messages, firstMessageTime, lastMessageTime } = analytics;
  const { total = 0n, user = 0n, assistant = 0n, system = 0n, tool = 0n, deleted = 0n } = messages ?? {};
  const durationSeconds = secondsOf(analytics.duration);
  const firstReplySeconds = secondsOf(analytics.firstReplyDelay);
  const median = secondsOf(analytics.medianReplyDelay);
  const p95 = secondsOf(analytics.p95ReplyDelay);
  return {
    conversationId: analytics.conversationId,
    messages: {
      total: Number(total),
      user: Number(user),
      assistant: Number(assistant),
      system: Number(system),
      tool: Number(tool),
      deleted: Number(deleted),
    },
    turns: Number(analytics.turnCount),
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...(firstReplySeconds !== undefined && { firstReplySeconds }),
    replySeconds: { ...(median !== undefined && { median }), ...(p95 !== undefined && { p95 }) },
    characters: {
      user: Number(analytics.userCharacterCount),
      assistant: Number(analytics.assistantCharacterCount),
    },
    ...(firstMessageTime && { firstMessageAt: firstMessageTime }),
    ...(lastMessageTime && { lastMessageAt: lastMessageTime }),
  };
}

function secondsOf(duration: Duration | undefined): number | undefined {
  // Milliseconds are what the store keeps; as a sum of two binary fractions they would show more digits.
  return duration && (Number(duration.seconds) * 1000 + Math.round(duration.nanos / 1e6)) / 1000;
}
