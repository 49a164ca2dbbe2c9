// Finds stored messages of a chat: by the id that its client knows, and the entries of a turn.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { findById } from "../../services/in-process/stored.ts";
import { KINDS } from "../shared/history.ts";

const PAGE = 200;

/** The message that a client knows by an id: its own, or else ours. */
export async function findMessage(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  id: string,
): Promise<Message | undefined> {
  const { listMessages } = MessageService.method;
  const { messages } = await canonical.call(context, listMessages, { conversationId, clientId: id, pageSize: 1 });
  if (messages.length > 0 || !isOurId(id)) return messages[0];
  const message = await findById(canonical, context, id);
  return message?.conversationId === conversationId ? message : undefined;
}

/** A reply is known by the id of its turn. Throws INVALID_FIELD for a message of somebody else that has it. */
export async function refuseIdOfReply(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  id: string,
  place: string,
): Promise<void> {
  if (!isOurId(id)) return;
  const found = await canonical.call(context, TurnService.method.getTurn, { turnId: id }).catch((error: unknown) => {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return undefined;
    throw error;
  });
  if (found?.turn?.conversationId !== conversationId) return;
  throw invalidField(`${place}.id`, "must not be the id of a reply", "id");
}

/** The turn whose entries follow a message on the live branch; undefined: none does. */
export async function liveReply(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  { seq }: Message,
): Promise<string | undefined> {
  const request = { conversationId, afterSeq: seq, kinds: KINDS, pageSize: 1 };
  const { messages } = await canonical.call(context, MessageService.method.listMessages, request);
  return messages[0]?.turnId;
}

/**
 * The entries of a turn on the live branch after a place in the log, in order. Reads the log and not the turn, which
 * does not know what the live branch shows.
 */
export async function liveEntriesOfTurn(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  turnId: string,
  afterSeq: bigint,
): Promise<Message[]> {
  const entries: Message[] = [];
  let pageToken = "";
  do {
    const request = { conversationId, afterSeq, kinds: KINDS, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, MessageService.method.listMessages, request);
    for (const entry of page.messages) {
      if (entry.turnId === turnId) entries.push(entry);
      // Turns come one after the other.
      else if (entry.turnId !== "") return entries;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return entries;
}
