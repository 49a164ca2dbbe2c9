// Reads of stored entries that several dialects and front ends share.
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "./in-process.ts";

const PAGE = 200;

/**
 * The entries that a turn has written so far, or those that it replies to (`input`), oldest first, deleted ones too. A
 * turn has no more than fit into memory.
 */
export async function entriesOfTurn(
  canonical: Canonical,
  context: CallContext,
  turnId: string,
  input = false,
): Promise<Message[]> {
  const entries: Message[] = [];
  let pageToken = "";
  do {
    const request = { turnId, input, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, TurnService.method.listTurnEntries, request);
    entries.push(...page.messages);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return entries;
}

/**
 * A message by its id, in the history of a conversation if one is named. Undefined: the caller does not see it.
 * Default: a deleted one too.
 */
export async function findById(
  canonical: Canonical,
  context: CallContext,
  messageId: string,
  deleted: DeletedFilter = DeletedFilter.INCLUDE,
  conversationId = "",
): Promise<Message | undefined> {
  try {
    const request = { messageId, deleted, conversationId };
    return (await canonical.call(context, MessageService.method.getMessage, request)).message;
  } catch (error) {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return undefined;
    throw error;
  }
}
