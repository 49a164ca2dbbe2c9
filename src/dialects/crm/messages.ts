// The methods about single messages, and the metrics of conversations.
import type { AnalyticService } from "../../../gen/colloquy/compat/crm/v1/analytic_service_pb.ts";
import type { MessageService } from "../../../gen/colloquy/compat/crm/v1/message_service_pb.ts";
import { AnalyticsService } from "../../../gen/colloquy/v1/analytics_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { Handlers } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { collect } from "../shared/numbered-pages.ts";
import { pageOf, toAnalytics, toMessage, toPagination } from "./convert.ts";

export function createMessageHandlers(canonical: Canonical): Handlers<typeof MessageService> {
  return {
    async deleteMessage({ messageId }, context) {
      const { message } = await canonical.once(context, Messages.method.deleteMessage, { messageId });
      return { message: "Message deleted", ...(message && { data: toMessage(message) }) };
    },

    async restoreMessage({ messageId }, context) {
      const { message } = await canonical.once(context, Messages.method.restoreMessage, { messageId });
      return { message: "Message restored", ...(message && { data: toMessage(message) }) };
    },

    async listDeletedMessages(request, context) {
      const page = pageOf(request);
      const { items, total } = await collect(
        canonical.responseBudget(context),
        page.size,
        async (pageSize, pageToken) => {
          const which = { conversationId: "-", deleted: DeletedFilter.ONLY };
          const asked = { ...which, skip: page.skip, includeTotalSize: true, pageSize, pageToken };
          const { messages, ...rest } = await canonical.call(context, Messages.method.listMessages, asked);
          return { ...rest, items: messages };
        },
        toMessage,
      );
      return { data: [...items], pagination: toPagination(page, total) };
    },
  };
}

export function createAnalyticHandlers(canonical: Canonical): Handlers<typeof AnalyticService> {
  return {
    async getConversationAnalytics({ conversationId }, context) {
      const request = { conversationId };
      const { analytics } = await canonical.call(context, AnalyticsService.method.getConversationAnalytics, request);
      if (analytics === undefined) throw notFound("conversation");
      return toAnalytics(analytics);
    },
  };
}
