// The front end `agui`: its service, its place in HTTP and what a run calls.
import type { DescMethod } from "@bufbuild/protobuf";
import { AguiService } from "../../../gen/colloquy/frontend/agui/v1/agui_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Dialect, DialectTools } from "../../dialects/shared/dialect.ts";
import { renderError } from "./http-errors.ts";
import { createAguiService } from "./service.ts";

/** The longest body, in bytes: each run posts the whole thread. */
const MAX_BODY_BYTES = 8 << 20;

export function createAgui({ canonical }: DialectTools): Dialect {
  const { run } = AguiService.method;
  const { createConversation, getConversation, listConversations, updateConversation } = ConversationService.method;
  const { batchSendMessages, getMessage, listMessages } = MessageService.method;
  const { answerTurn, cancelTurn, chat, listTurnEntries, listTurns, resumeTurn } = TurnService.method;
  const { getAgent } = AgentService.method;
  return {
    name: "agui",
    title: "Agent-User Interaction Protocol",
    services: [createAguiService(canonical)],
    // Whoever may read a thread may follow it; what a run writes it asks for when it does.
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [run, [listConversations, getConversation, listMessages, getMessage, listTurns, listTurnEntries, resumeTurn]],
    ]),
    mayCall: new Map<DescMethod, readonly DescMethod[]>([
      [run, [getAgent, createConversation, updateConversation, batchSendMessages, chat, answerTurn, cancelTurn]],
    ]),
    mount: { basePaths: ["/agui"], renderError, maxBodyBytes: MAX_BODY_BYTES },
  };
}
