// The methods that replicas of the database may answer.
import type { DescMethod } from "@bufbuild/protobuf";
import { AnalyticsService } from "../../gen/colloquy/v1/analytics_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";

/**
 * What is read of conversations, by statements that know their call: each tells what it has seen. Not methods that
 * stream, those that show keys, members, agents and other settings, which are read of the primary, and those that read
 * by MikroORM.
 */
export const REPLICA_READS: ReadonlySet<DescMethod> = new Set<DescMethod>([
  AnalyticsService.method.getConversationAnalytics,
  AnalyticsService.method.getTenantAnalytics,
  ConversationService.method.batchGetConversations,
  ConversationService.method.getConversation,
  ConversationService.method.listConversations,
  EventService.method.listEvents,
  FileService.method.getFile,
  FileService.method.listFiles,
  FileService.method.listMessageFiles,
  MessageService.method.batchListMessages,
  MessageService.method.getMessage,
  MessageService.method.listBranches,
  MessageService.method.listMentions,
  MessageService.method.listMessageRevisions,
  MessageService.method.listMessages,
  MessageService.method.listReplies,
  MessageService.method.searchMessages,
  ParticipantService.method.listParticipants,
  ParticipantService.method.listReadMarks,
  ReactionService.method.listReactions,
  TurnService.method.getTurn,
  TurnService.method.listTurnEntries,
  TurnService.method.listTurns,
]);
