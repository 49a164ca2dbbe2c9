// The dialect of OpenAI's clients: its services, what they call, and where they are.
import type { DescMethod } from "@bufbuild/protobuf";
import { ConversationService } from "../../../gen/colloquy/compat/openai/v1/conversation_service_pb.ts";
import { FileService } from "../../../gen/colloquy/compat/openai/v1/file_service_pb.ts";
import { ItemService } from "../../../gen/colloquy/compat/openai/v1/item_service_pb.ts";
import { ModelService } from "../../../gen/colloquy/compat/openai/v1/model_service_pb.ts";
import { ResponseService } from "../../../gen/colloquy/compat/openai/v1/response_service_pb.ts";
import { AgentService as Agents } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService as Files } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService as Turns } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { RESULT } from "../../domain/files/image-result.ts";
import { serve } from "../../pipeline/service.ts";
import { DEFAULT_MAX_BODY_BYTES } from "../../protocols/rest/binding/mount.ts";
import type { CreateDialect } from "../shared/dialect.ts";
import { createConversationHandlers } from "./conversations.ts";
import { renderError } from "./errors.ts";
import { createFileHandlers } from "./files/handlers.ts";
import { createInPlace } from "./files/in-place.ts";
import { FIND_ITEM } from "./find-items.ts";
import { createItemHandlers } from "./items.ts";
import { createModelHandlers } from "./models.ts";
import { ConversationLines } from "./responses/line.ts";
import { createResponseHandlers } from "./responses.ts";
import { createActOnce } from "./retries.ts";

/** The longest body, with its pictures and files: OpenAI takes as much. */
const MAX_BODY_BYTES = 32 << 20;

export const createOpenAi: CreateDialect = ({ canonical, attempts, tls }) => {
  const lines = new ConversationLines();
  const inPlace = createInPlace({ canonical, tls });
  return {
    name: "openai",
    title: "OpenAI",
    services: [
      serve(ConversationService, createConversationHandlers(canonical, createActOnce(attempts), inPlace)),
      serve(FileService, createFileHandlers(canonical, createActOnce(attempts))),
      serve(ModelService, createModelHandlers(canonical)),
      serve(ItemService, createItemHandlers(canonical, createActOnce(attempts), lines, inPlace)),
      serve(
        ResponseService,
        createResponseHandlers(
          canonical,
          lines,
          createActOnce(attempts),
          (context) => attempts.mayComeAgain(context),
          inPlace,
        ),
      ),
    ],
    calls,
    mayCall,
    answers,
    mount: {
      basePaths: ["/openai/v1"],
      renderError,
      maxBodyBytes: MAX_BODY_BYTES,
      dataUrls: {
        fields: new Set(["items", "input"]),
        members: [RESULT],
        maxOtherBytes: DEFAULT_MAX_BODY_BYTES,
      },
    },
  };
};

const model = ModelService.method;
const conversation = ConversationService.method;
const item = ItemService.method;
const response = ResponseService.method;
const file = FileService.method;

/** For the bytes that items have in place. */
const SHOW_FILES = [Files.method.getFile, Files.method.downloadFile];

const calls: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [conversation.createConversation, [Conversations.method.createConversation]],
  [conversation.getConversation, [Conversations.method.getConversation]],
  [conversation.updateConversation, [Conversations.method.updateConversation]],
  [conversation.deleteConversation, [Conversations.method.deleteConversation]],
  [conversation.listConversations, [Conversations.method.listConversations]],
  [conversation.searchItems, [Messages.method.searchMessages]],
  [file.createFile, [Files.method.createFile]],
  [file.getFile, [Files.method.getFile]],
  [file.getFileContent, [Files.method.downloadFile]],
  [file.listFiles, [Files.method.listFiles]],
  [file.deleteFile, [Files.method.deleteFile]],
  [model.listModels, [Agents.method.listAgents]],
  [model.getModel, [Agents.method.getAgent]],
  [item.createItems, [Messages.method.batchSendMessages]],
  [item.listItems, [Messages.method.listMessages, Messages.method.getMessage]],
  [item.getItem, [...FIND_ITEM]],
  [item.deleteItem, [Messages.method.deleteMessage]],
  [response.createResponse, [Turns.method.createTurn]],
  [response.getResponse, [Turns.method.getTurn, Turns.method.listTurnEntries, Turns.method.resumeTurn]],
  [response.deleteResponse, [Turns.method.deleteTurn]],
  [response.cancelResponse, [Turns.method.cancelTurn]],
  [response.listInputItems, [Turns.method.getTurn, Turns.method.listTurnEntries]],
]);

/** A caller that may write is answered what it wrote, and finds what it names. */
const answers: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [item.deleteItem, [...FIND_ITEM, Conversations.method.getConversation]],
  // A given id must be free, and so must the conversation, which must be there before files are stored.
  [
    item.createItems,
    [
      Conversations.method.getConversation,
      Messages.method.listMessages,
      Turns.method.listTurns,
      Turns.method.resumeTurn,
    ],
  ],
  [
    response.createResponse,
    [
      Agents.method.getAgent,
      Conversations.method.getConversation,
      Messages.method.listMessages,
      Turns.method.getTurn,
      Turns.method.listTurnEntries,
      Turns.method.resumeTurn,
      ...SHOW_FILES,
    ],
  ],
  [response.deleteResponse, [Turns.method.getTurn]],
  [response.cancelResponse, [Turns.method.getTurn, Turns.method.listTurnEntries, ...SHOW_FILES]],
]);

/** What only some requests need: references to stored items, and pictures and files in place. */
const mayCall: ReadonlyMap<DescMethod, readonly DescMethod[]> = new Map<DescMethod, readonly DescMethod[]>([
  [conversation.createConversation, [Messages.method.getMessage, Files.method.createFile]],
  [conversation.searchItems, SHOW_FILES],
  [item.createItems, [Messages.method.getMessage, Files.method.createFile, ...SHOW_FILES]],
  [item.listItems, SHOW_FILES],
  [item.getItem, SHOW_FILES],
  [response.createResponse, [Messages.method.getMessage, Files.method.createFile]],
  [response.getResponse, SHOW_FILES],
  [response.listInputItems, SHOW_FILES],
]);
