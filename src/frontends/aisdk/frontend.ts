// The front end `aisdk`: its service, its place in HTTP and what its methods call.
import type { DescMethod } from "@bufbuild/protobuf";
import { ChatService } from "../../../gen/colloquy/frontend/aisdk/v1/chat_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Dialect, DialectTools } from "../../dialects/shared/dialect.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { renderError } from "./errors.ts";
import { createChatService } from "./service.ts";

/** The longest body: most clients post the whole chat each time. */
const MAX_BODY_BYTES = 8 << 20;

export const createAiSdk = ({ canonical }: DialectTools, { tls }: Pick<FrontendOptions, "tls">): Dialect => ({
  name: "aisdk",
  title: "AI SDK",
  services: [createChatService(canonical, tls)],
  calls,
  mayCall,
  mount: { basePaths: ["/api/chat"], renderError, maxBodyBytes: MAX_BODY_BYTES },
});

const { post, resumeStream, stop, listMessages } = ChatService.method;
const conversations = ConversationService.method;
const messages = MessageService.method;
const turns = TurnService.method;
const { createFile, getFile, downloadFile } = FileService.method;
/** As far as messages have files. */
const shows = [getFile, downloadFile];

const calls: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [post, [turns.chat, conversations.listConversations]],
  [resumeStream, [turns.resumeTurn, turns.listTurns, conversations.listConversations]],
  [stop, [turns.cancelTurn, turns.listTurns, conversations.listConversations]],
  [listMessages, [messages.listMessages, turns.listTurns, conversations.listConversations]],
]);

const mayCall: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [
    post,
    [
      conversations.getConversation,
      conversations.createConversation,
      conversations.updateConversation,
      messages.listMessages,
      messages.getMessage,
      messages.batchSendMessages,
      messages.updateMessage,
      turns.regenerate,
      turns.resumeTurn,
      turns.listTurns,
      turns.getTurn,
      turns.answerTurn,
      turns.cancelTurn,
      createFile,
      ...shows,
    ],
  ],
  [resumeStream, [conversations.getConversation, ...shows]],
  [stop, [conversations.getConversation]],
  [listMessages, [conversations.getConversation, turns.getTurn, ...shows]],
]);
