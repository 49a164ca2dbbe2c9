// The front end `a2a`: its services, their place in HTTP and what their methods call.

import type { DescMethod } from "@bufbuild/protobuf";
import { A2aHttpService } from "../../../gen/colloquy/frontend/a2a/v1/a2a_http_service_pb.ts";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { A2AService } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import type { Dialect, DialectTools } from "../../dialects/shared/dialect.ts";
import { readFailure, STATUSES } from "../../dialects/shared/errors.ts";
import { EVENTS_TYPE, JSON_TYPE } from "../../protocols/rest/binding/media.ts";
import type { RenderError } from "../../protocols/rest/binding/mount.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { tell } from "./errors.ts";
import { createA2aServices } from "./service.ts";

const STREAMS = /:(?:stream|subscribe)(?:$|\?)/;
const A2A_TYPE = "application/a2a+json";

export function createA2a({ canonical }: DialectTools, options: FrontendOptions): Dialect {
  const { batchGetConversations, createConversation, getConversation, listConversations, updateConversation } =
    ConversationService.method;
  const { getMessage, listMessages } = MessageService.method;
  const { answerTurn, cancelTurn, chat, getTurn, listTurnEntries, listTurns, resumeTurn } = TurnService.method;
  const { getAgent } = AgentService.method;
  const { createFile, getFile, downloadFile } = FileService.method;
  const shows = [getFile, downloadFile];
  const reads = [getTurn, getConversation, listConversations, listMessages, getMessage, listTurnEntries, resumeTurn];
  const sends = [...reads, listTurns, chat, createConversation, updateConversation, getAgent, answerTurn];
  const { sendMessage, sendStreamingMessage, getTask, listTasks, cancelTask, subscribeToTask, getExtendedAgentCard } =
    A2AService.method;
  const {
    createTaskPushNotificationConfig: create,
    getTaskPushNotificationConfig: get,
    listTaskPushNotificationConfigs: list,
    deleteTaskPushNotificationConfig: remove,
  } = A2AService.method;
  const { post, getCard } = A2aHttpService.method;
  return {
    name: "a2a",
    title: "Agent2Agent protocol",
    services: createA2aServices(canonical, options),
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [sendMessage, sends],
      [sendStreamingMessage, sends],
      [getTask, reads],
      [listTasks, [...reads, listTurns, getAgent, batchGetConversations]],
      [cancelTask, [...reads, cancelTurn]],
      [subscribeToTask, reads],
      [getExtendedAgentCard, [getAgent]],
      [getCard, [getAgent]],
      ...[create, get, list, remove].map((method) => [method, [AccessService.method.whoAmI]] as const),
      // Whoever may ask who it is may ask for anything; each method needs what it calls, and says so as JSON-RPC does.
      [post, [AccessService.method.whoAmI]],
    ]),
    mayCall: new Map<DescMethod, readonly DescMethod[]>([
      [post, [...sends, cancelTurn, batchGetConversations, createFile, ...shows]],
      [sendMessage, [createFile, ...shows]],
      [sendStreamingMessage, [createFile, ...shows]],
      [getTask, shows],
      [listTasks, shows],
      [cancelTask, shows],
      [subscribeToTask, shows],
    ]),
    mount: {
      basePaths: ["/a2a", "/.well-known/agent-card.json"],
      renderError,
      jsonTypes: [A2A_TYPE],
      // A stream has one form, whatever is accepted.
      header: (name, { url = "" }) => (name === "accept" && STREAMS.test(url) ? EVENTS_TYPE : undefined),
      onResponse(headers, { binding }) {
        const isOfficial = binding?.method.parent.typeName === A2AService.typeName;
        if (isOfficial && headers["content-type"] === JSON_TYPE) headers["content-type"] = A2A_TYPE;
      },
    },
  };
}

const renderError: RenderError = (failure, info) => {
  const { problem, error, headers } = failure;
  const { kind } = readFailure(failure, info);
  const plain = kind === "other" ? failure.status : STATUSES[kind];
  const { status, name, message, details } = tell(error, plain);
  // What is wrong with the request of HTTP keeps its own status and words.
  const code = problem === undefined ? status : plain;
  const body = { error: { code, status: name, message: problem?.message ?? message, details } };
  return { status: code, headers, body };
};
