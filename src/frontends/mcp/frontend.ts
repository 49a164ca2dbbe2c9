// The front end `mcp`: its service, its place in HTTP and what its tools call.
import type { DescMethod } from "@bufbuild/protobuf";
import { McpService } from "../../../gen/colloquy/frontend/mcp/v1/mcp_service_pb.ts";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Dialect, DialectTools } from "../../dialects/shared/dialect.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { createErrorRenderer } from "./http-errors.ts";
import { createMcpService } from "./service.ts";

/** The longest body: the longest message, each character of it escaped, with room for what is around it. Bytes. */
const MAX_BODY_BYTES = 2 << 20;

export function createMcp({ canonical }: DialectTools, options: FrontendOptions): Dialect {
  const { post } = McpService.method;
  const { createConversation, getConversation, listConversations } = ConversationService.method;
  const { listMessages, searchMessages, sendMessage } = MessageService.method;
  return {
    name: "mcp",
    title: "Model Context Protocol",
    services: [createMcpService(canonical, options)],
    // Whoever may ask who it is may connect; each tool needs what its calls need.
    calls: new Map<DescMethod, readonly DescMethod[]>([[post, [AccessService.method.whoAmI]]]),
    mayCall: new Map<DescMethod, readonly DescMethod[]>([
      [
        post,
        [
          listConversations,
          getConversation,
          createConversation,
          listMessages,
          searchMessages,
          sendMessage,
          TurnService.method.chat,
          TurnService.method.listTurns,
          TurnService.method.cancelTurn,
        ],
      ],
    ]),
    mount: {
      basePaths: ["/mcp"],
      renderError: createErrorRenderer(options.tls),
      maxBodyBytes: MAX_BODY_BYTES,
    },
  };
}
