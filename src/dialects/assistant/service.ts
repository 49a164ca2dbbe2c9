// The dialect's service: each call as calls of the services, made for the user that the request names.

import { ConversationService } from "../../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { introducing } from "../shared/auto-register.ts";
import type { DialectTools } from "../shared/dialect.ts";
import { readMessages } from "../shared/message-batches.ts";
import { fromMessage, msOf, toCreated, toMessage } from "./convert.ts";
import { listAll } from "./list.ts";
import { limitError, limitHeaders, type UserLimits } from "./rate-limit.ts";

export function createAssistantService({ canonical, acting }: DialectTools, limits: UserLimits): ServiceEntry {
  /** Who calls for whom, counted. Each handler begins with it. */
  async function forUser(context: CallContext, requested: string): Promise<{ context: CallContext; userId: string }> {
    const userId = sameId(context, requested);
    const own = await acting.as(context, userId);
    const taken = limits.takeUser(own.principal.kind === "anonymous" ? undefined : own.principal.tenantId, userId);
    for (const [name, value] of Object.entries(limitHeaders(taken))) context.setHeader(name, value);
    if (!taken.allowed) throw limitError(taken);
    return { context: own, userId };
  }

  /** Throws NOT_FOUND unless the conversation is the user's. */
  async function requireOwn(
    context: CallContext,
    id: string,
    userId: string,
    deleted: DeletedFilter = DeletedFilter.EXCLUDE,
  ): Promise<void> {
    if (!isOurId(id)) throw notFound("conversation");
    const { conversation } = await canonical.call(context, Conversations.method.getConversation, {
      conversationId: id,
      deleted,
    });
    if (conversation?.ownerId !== userId) throw notFound("conversation");
  }

  return serve(ConversationService, {
    async listConversations({ userId: requested, limit, cursor }, outer) {
      const { context, userId } = await forUser(outer, requested);
      const { conversations, nextCursor } = await listAll(canonical, context, { userId, limit, cursor });
      const more = nextCursor === undefined ? {} : { truncated: true, nextCursor };
      return { success: true, conversations, count: conversations.length, requestId: outer.requestId, ...more };
    },

    async createConversation({ userId: requested, title, agentId, mode, isPinned, messages }, outer) {
      if (messages.some(({ role }) => role === "tool")) {
        const description = "messages: a role must be user, assistant or system";
        const violations = [{ field: "", description, rule: "role.in" }];
        throw new DomainError(ErrorReason.INVALID_FIELD, description, { violations });
      }
      const { context, userId } = await forUser(outer, requested);
      const conversation = { title, agent: agentId ?? "", mode: mode ?? "", pinned: isPinned, ownerId: userId };
      const request = {
        conversation,
        messages: messages.map(toMessage),
        // The owner takes part, whoever creates the conversation.
        participantIds: isMember(context, userId) ? [] : [userId],
      };
      const response = await introducing(canonical, context, { id: userId, field: "user_id" }, () =>
        canonical.once(context, Conversations.method.createConversation, request),
      );
      const created = requireConversation(response.conversation);
      // All messages were taken at the same moment.
      const taken = msOf(created.lastMessageTime);
      const shown = messages.map(({ role, content, timestamp = taken }) => ({ role, content, timestamp }));
      return {
        success: true,
        conversation: toCreated(created, shown),
        message: "Conversation created successfully",
        requestId: outer.requestId,
      };
    },

    async updateConversation({ userId: requested, conversationId, title, isPinned, messages }, outer) {
      const { context, userId } = await forUser(outer, requested);
      await requireOwn(context, conversationId, userId);
      const { conversation } = await canonical.once(context, Conversations.method.updateConversation, {
        conversationId,
        conversation: { title: title ?? "", pinned: isPinned ?? false },
        updateMask: { paths: given({ title, pinned: isPinned }) },
        ...(messages && { messageList: { messages: messages.messages.map(toMessage) } }),
      });
      const updated = requireConversation(conversation);
      const read = (await readMessages(canonical, context, [updated.id])).get(updated.id) ?? [];
      const { createdAt: _, ...shown } = toCreated(updated, read.map(fromMessage));
      return {
        success: true,
        conversation: shown,
        message: "Conversation updated successfully",
        requestId: outer.requestId,
      };
    },

    async deleteConversation({ userId: requested, conversationId }, outer) {
      const { context, userId } = await forUser(outer, requested);
      // A retry with the same Idempotency-Key must reach the deletion, which knows its first response.
      const which = context.idempotencyKey === undefined ? DeletedFilter.EXCLUDE : DeletedFilter.INCLUDE;
      await requireOwn(context, conversationId, userId, which);
      await canonical.once(context, Conversations.method.deleteConversation, { conversationId });
      return { success: true, message: "Conversation deleted successfully", requestId: outer.requestId };
    },
  });
}

/**
 * UUIDs are equal whatever their case; members have the spelling of their identity provider, everyone else the usual
 * one.
 */
function sameId({ principal }: CallContext, userId: string): string {
  const memberId = principal.kind === "anonymous" ? undefined : principal.memberId;
  return memberId?.toLowerCase() === userId.toLowerCase() ? memberId : userId.toLowerCase();
}

function isMember({ principal }: CallContext, userId: string): boolean {
  return principal.kind !== "anonymous" && principal.memberId === userId;
}

/** The names of the values that are there. */
function given(values: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(values).filter((name) => values[name] !== undefined);
}

function requireConversation(conversation: Conversation | undefined): Conversation {
  if (conversation === undefined) throw new Error("a conversation was answered without itself");
  return conversation;
}
