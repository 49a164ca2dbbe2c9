// The methods about conversations, but for the turns of agents.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConversationService } from "../../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { AgentService as Agents } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationService as Conversations,
  type ListConversationsRequestSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { toActor } from "../../domain/identity/actor.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Handlers } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { agentsAs } from "../agent-names.ts";
import { readConversations } from "../shared/conversation-pages.ts";
import { collect } from "../shared/numbered-pages.ts";
import { type Page, pageOf, toConversation, toMessage, toPagination } from "./convert.ts";

type Filters = MessageInitShape<typeof ListConversationsRequestSchema>;

export function createConversationHandlers(
  canonical: Canonical,
): Omit<Handlers<typeof ConversationService>, "chat" | "streamChat"> {
  const { method } = Conversations;

  async function list(context: CallContext, page: Page, filters: Filters) {
    const request = { ...filters, skip: page.skip, includeTotalSize: true };
    const { conversations, total } = await readConversations(canonical, context, request, page.size);
    const agentOf = await agentsAs("id", canonical, context, conversations);
    return {
      data: conversations.map((one) => toConversation(one, agentOf(one))),
      pagination: toPagination(page, total),
    };
  }

  async function output(context: CallContext, conversation: Conversation) {
    const agentOf = await agentsAs("id", canonical, context, [conversation]);
    return toConversation(conversation, agentOf(conversation));
  }

  /** Throws UNKNOWN_REFERENCE unless the company has the agent. */
  async function requireAgent(context: CallContext, agentId: string): Promise<void> {
    try {
      await canonical.call(context, Agents.method.getAgent, { agentId });
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND)) throw error;
      const description = "is no agent of the company";
      throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `agent_id: ${description}`, {
        violations: [{ field: "agent_id", description, rule: "reference" }],
      });
    }
  }

  return {
    async createConversation({ agentId, title = "", metadata, maxContextLength = 0 }, context) {
      await requireAgent(context, agentId);
      const { conversation } = await canonical.once(context, method.createConversation, {
        conversation: { agent: agentId, title, maxContextLength, ...(metadata && { metadata }) },
      });
      return conversation === undefined ? {} : { conversation: await output(context, conversation) };
    },

    listConversations: (request, context) => list(context, pageOf(request), {}),

    listEntityConversations(request, context) {
      const { memberId, actor } = callerFrom(context.principal);
      return list(context, pageOf(request), memberId === null ? { creator: toActor(actor) } : { memberId });
    },

    listDeletedConversations: (request, context) => list(context, pageOf(request), { deleted: DeletedFilter.ONLY }),

    async listMessages({ conversationId, ...request }, context) {
      const page = pageOf(request);
      const { items, total } = await collect(
        canonical.responseBudget(context),
        page.size,
        async (pageSize, pageToken) => {
          const asked = { conversationId, skip: page.skip, includeTotalSize: true, pageSize, pageToken };
          const { messages, ...rest } = await canonical.call(context, Messages.method.listMessages, asked);
          return { ...rest, items: messages };
        },
        toMessage,
      );
      return { data: [...items], pagination: toPagination(page, total) };
    },

    async deleteConversation({ conversationId }, context) {
      const { conversation } = await canonical.once(context, method.deleteConversation, { conversationId });
      return { message: "Conversation deleted", ...(conversation && { data: await output(context, conversation) }) };
    },

    async restoreConversation({ conversationId }, context) {
      const { conversation } = await canonical.once(context, method.restoreConversation, { conversationId });
      return { message: "Conversation restored", ...(conversation && { data: await output(context, conversation) }) };
    },

    async deleteMessages({ conversationId }, context) {
      const response = await canonical.once(context, Messages.method.deleteAllMessages, { conversationId });
      return { message: "All messages deleted", data: { deleted: Number(response.deletedCount) } };
    },

    async restoreMessages({ conversationId }, context) {
      const response = await canonical.once(context, Messages.method.restoreAllMessages, { conversationId });
      return { message: "All messages restored", data: { restored: Number(response.restoredCount) } };
    },
  };
}
