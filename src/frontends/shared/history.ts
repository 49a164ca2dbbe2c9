// The entries of a conversation as a front end gives them back: all kinds, the live branch, oldest first.
import { toJsonString } from "@bufbuild/protobuf";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { isOpen } from "../../domain/turns/turn.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** All kinds but summaries, which only agents read. */
const KINDS: MessageKind[] = [
  MessageKind.MESSAGE,
  MessageKind.REASONING,
  MessageKind.TOOL_CALL,
  MessageKind.TOOL_RESULT,
  MessageKind.APPROVAL_REQUEST,
  MessageKind.APPROVAL_RESPONSE,
];

const PAGE = 200;

/** The latest entries of which each is `wanted`, as many as fit into `maxBytes`: about the bytes of their JSON. */
export async function latestEntries(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  maxBytes: number,
  wanted: (entry: Message) => boolean = () => true,
): Promise<Message[]> {
  const entries: Message[] = [];
  const { listMessages } = MessageService.method;
  let bytes = 0;
  let pageToken = "";
  do {
    const request = { conversationId, kinds: KINDS, order: MessageOrder.NEWEST_FIRST, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, listMessages, request);
    for (const entry of page.messages) {
      bytes += bytesOf(entry);
      if (!wanted(entry) || (bytes > maxBytes && entries.length > 0)) return entries.reverse();
      entries.push(entry);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return entries.reverse();
}

function bytesOf({ content, parts, metadata }: Message): number {
  let bytes = 200 + JSON.stringify(content).length;
  if (metadata !== undefined) bytes += JSON.stringify(metadata).length;
  for (const part of parts) bytes += toJsonString(PartSchema, part).length;
  return bytes;
}

/** Whether a conversation has a message that a client knows by this id: its own, or the one that was given to it. */
export async function hasMessage(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  id: string,
): Promise<boolean> {
  const { listMessages, getMessage } = MessageService.method;
  // A deleted message is known too: a client that still shows it does not bring it back.
  const deleted = DeletedFilter.INCLUDE;
  const { messages } = await canonical.call(context, listMessages, {
    conversationId,
    clientId: id,
    pageSize: 1,
    deleted,
  });
  if (messages.length > 0) return true;
  if (!isOurId(id)) return false;
  try {
    const { message } = await canonical.call(context, getMessage, { messageId: id, deleted });
    return message?.conversationId === conversationId;
  } catch (error) {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return false;
    throw error;
  }
}

/** All entries of a turn so far, oldest first. */
export async function entriesOfTurn(canonical: Canonical, context: CallContext, turn: Turn): Promise<Message[]> {
  const { id: turnId, conversationId, messageId } = turn;
  const isBefore = ({ id }: Message) => id === messageId;
  if (isOpen(turn.state)) {
    // An open turn is among the latest entries.
    const limit = Number.POSITIVE_INFINITY;
    const latest = await latestEntries(canonical, context, conversationId, limit, (entry) => !isBefore(entry));
    return latest.filter((entry) => entry.turnId === turnId);
  }
  const entries: Message[] = [];
  const request = { turnId, streamEntries: true };
  for await (const { event } of canonical.stream(context, TurnService.method.resumeTurn, request)) {
    if (event.case === "entryEnded" && event.value.message) entries.push(event.value.message);
    // A failed turn's stream then fails.
    if (event.case === "ended") break;
  }
  return entries;
}
