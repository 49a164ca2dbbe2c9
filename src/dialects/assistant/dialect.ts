// The dialect `assistant`: its service, its place in REST and what its methods call.
import type { DescMethod } from "@bufbuild/protobuf";
import { ConversationService } from "../../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import { ConversationService as Canonical } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Dialect, DialectTools } from "../shared/dialect.ts";
import { prefixedRequestIds } from "../shared/request-ids.ts";
import { createErrorRenderer } from "./errors.ts";
import { limitHeaders, UserLimits } from "./rate-limit.ts";
import { createAssistantService } from "./service.ts";

export function createAssistant(tools: DialectTools): Dialect {
  const { method } = ConversationService;
  const limits = new UserLimits(Date.now, tools.counts);
  return {
    name: "assistant",
    title: "Assistant Conversations API",
    services: [createAssistantService(tools, limits)],
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [method.listConversations, [Canonical.method.listConversations, MessageService.method.batchListMessages]],
      [method.createConversation, [Canonical.method.createConversation]],
      [
        method.updateConversation,
        [
          Canonical.method.getConversation,
          Canonical.method.updateConversation,
          MessageService.method.batchListMessages,
        ],
      ],
      [method.deleteConversation, [Canonical.method.deleteConversation]],
    ]),
    // Whose it is; nothing of it is shown.
    answers: new Map([[method.deleteConversation, [Canonical.method.getConversation]]]),
    mount: {
      basePaths: ["/api/conversations"],
      header: prefixedRequestIds(),
      renderError: createErrorRenderer(limits),
      onResponse(headers, info) {
        // What reached the service or failed was counted there; this is for answers that did neither.
        if (headers["x-ratelimit-limit"] === undefined) Object.assign(headers, limitHeaders(limits.takeFor(info)));
      },
    },
  };
}
