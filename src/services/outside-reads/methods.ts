// Which methods show what was said in conversations.
import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { FileSchema } from "../../../gen/colloquy/v1/file_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { MessageRevisionSchema, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";

/** It tells of a turn what may be known of it, and also what its caller noted, such as instructions and tools. */
export const NOTED: DescMethod = TurnService.method.getTurn;

/**
 * How a method shows it: `read`, also where something comes of it that can be read, such as a fork or the reply of an
 * agent; `echo`, in a response that holds the rest without it too, such as that of a change. Undefined: it does not.
 */
export type Showing = "read" | "echo" | undefined;

const ECHOES: readonly DescMethod[] = [
  MessageService.method.updateMessage,
  MessageService.method.deleteMessage,
  MessageService.method.restoreMessage,
  NOTED,
];

/** Their responses have no message, but what comes of them shows some. */
const INDIRECT: readonly DescMethod[] = [
  ConversationService.method.forkConversation,
  FileService.method.downloadFile,
  TurnService.method.createTurn,
  TurnService.method.answerTurn,
];

/** They return what the caller itself has written. */
const OWN: readonly DescMethod[] = [
  MessageService.method.sendMessage,
  MessageService.method.batchSendMessages,
  ...DraftService.methods,
  FileService.method.createFile,
];

export function showingOf(method: DescMethod): Showing {
  if (ECHOES.includes(method)) return "echo";
  if (OWN.includes(method)) return undefined;
  return INDIRECT.includes(method) || reaches(method.output) ? "read" : undefined;
}

/** A file's name and hash are what somebody said too. */
const SAID: readonly string[] = [MessageSchema, MessageRevisionSchema, FileSchema].map(({ typeName }) => typeName);

function reaches(schema: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (SAID.includes(schema.typeName)) return true;
  if (seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some(({ message }) => message !== undefined && reaches(message, seen));
}
