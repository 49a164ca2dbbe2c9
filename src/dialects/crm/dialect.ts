// The dialect of companies: its services, what they call, and where they are.
import type { DescMethod } from "@bufbuild/protobuf";
import { AnalyticService } from "../../../gen/colloquy/compat/crm/v1/analytic_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/compat/crm/v1/message_service_pb.ts";
import { AnalyticsService } from "../../../gen/colloquy/v1/analytics_service_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { serve } from "../../pipeline/service.ts";
import { LOOK_UP_AGENT } from "../agent-names.ts";
import type { CreateDialect } from "../shared/dialect.ts";
import { prefixedRequestIds } from "../shared/request-ids.ts";
import { createChatHandlers } from "./chat.ts";
import { createConversationHandlers } from "./conversations.ts";
import { renderError } from "./errors.ts";
import { createAnalyticHandlers, createMessageHandlers } from "./messages.ts";

export const createCrm: CreateDialect = ({ canonical }) => ({
  name: "crm",
  title: "CRM",
  services: [
    serve(ConversationService, { ...createConversationHandlers(canonical), ...createChatHandlers(canonical) }),
    serve(MessageService, createMessageHandlers(canonical)),
    serve(AnalyticService, createAnalyticHandlers(canonical)),
  ],
  calls,
  answers,
  mount: {
    basePaths: ["/v1/conversation", "/v1/message", "/v1/analytic"],
    header: prefixedRequestIds(),
    renderError,
  },
});

const { method } = ConversationService;

const calls: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [method.createConversation, [Conversations.method.createConversation]],
  [method.listConversations, [Conversations.method.listConversations]],
  [method.listEntityConversations, [Conversations.method.listConversations]],
  [method.listDeletedConversations, [Conversations.method.listConversations]],
  [method.listMessages, [Messages.method.listMessages]],
  [method.chat, [TurnService.method.chat]],
  [method.streamChat, [TurnService.method.chat]],
  [method.deleteConversation, [Conversations.method.deleteConversation]],
  [method.restoreConversation, [Conversations.method.restoreConversation]],
  [method.deleteMessages, [Messages.method.deleteAllMessages]],
  [method.restoreMessages, [Messages.method.restoreAllMessages]],
  [MessageService.method.deleteMessage, [Messages.method.deleteMessage]],
  [MessageService.method.restoreMessage, [Messages.method.restoreMessage]],
  [MessageService.method.listDeletedMessages, [Messages.method.listMessages]],
  [AnalyticService.method.getConversationAnalytics, [AnalyticsService.method.getConversationAnalytics]],
]);

const answers: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [method.createConversation, [LOOK_UP_AGENT]],
  [method.listConversations, [LOOK_UP_AGENT]],
  [method.listEntityConversations, [LOOK_UP_AGENT]],
  [method.listDeletedConversations, [LOOK_UP_AGENT]],
  [method.deleteConversation, [LOOK_UP_AGENT]],
  [method.restoreConversation, [LOOK_UP_AGENT]],
  [method.chat, [Messages.method.listMessages, Messages.method.getMessage]],
  [method.streamChat, [Messages.method.getMessage]],
]);
