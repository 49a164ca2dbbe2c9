// The front end `agui`: its service, its place in HTTP and what a run calls.
import type { DescMethod } from "@bufbuild/protobuf";
import { AguiService } from "../../../gen/colloquy/frontend/agui/v1/agui_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Dialect, DialectTools } from "../../dialects/shared/dialect.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { renderError } from "./http-errors.ts";
import { createAguiService } from "./service.ts";

/** The longest body, in bytes: each run posts the whole thread. */
const MAX_BODY_BYTES = 8 << 20;

export function createAgui({ canonical }: DialectTools, { tls }: Pick<FrontendOptions, "tls">): Dialect {
  const { run } = AguiService.method;
  const { createConversation, getConversation, listConversations, updateConversation } = ConversationService.method;
  const { batchSendMessages, getMessage, listMessages } = MessageService.method;
  const { answerTurn, cancelTurn, chat, listTurnEntries, listTurns, resumeTurn } = TurnService.method;
  const { getAgent } = AgentService.method;
  const { createFile, getFile, downloadFile } = FileService.method;
  const writes = [createConversation, updateConversation, batchSendMessages, chat, answerTurn, cancelTurn, createFile];
  return {
    name: "agui",
    title: "Agent-User Interaction Protocol",
    services: [createAguiService(canonical, tls)],
    // Whoever may read a thread may follow it; what a run writes it asks for when it does.
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [run, [listConversations, getConversation, listMessages, getMessage, listTurns, listTurnEntries, resumeTurn]],
    ]),
    mayCall: new Map<DescMethod, readonly DescMethod[]>([
      // What a thread has no files for it reads none for.
      [run, [getAgent, getFile, downloadFile, ...writes]],
    ]),
    mount: { basePaths: ["/agui"], renderError, maxBodyBytes: MAX_BODY_BYTES },
  };
}
