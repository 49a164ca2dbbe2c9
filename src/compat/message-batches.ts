// All messages of conversations, for the dialects that answer them with the conversation.
import type { Message } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { CallContext } from "../rpc/call.ts";
import type { Canonical } from "./canonical.ts";
import { CANONICAL_PAGE } from "./conversation-pages.ts";

/** What one answer holds at most. Past that a client that asks for everything would take the server down. */
const MAX_MESSAGES = 200_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

/**
 * The messages of some conversations, oldest first, by the conversation's id; with `latest`, only so many of each. Throws
 * TOO_LARGE if they are more than an answer can hold.
 */
export async function readMessages(
  canonical: Canonical,
  context: CallContext,
  conversationIds: readonly string[],
  latest = 0,
): Promise<ReadonlyMap<string, readonly Message[]>> {
  const read = new Map<string, Message[]>();
  let count = 0;
  let characters = 0;
  let rest: readonly string[] = conversationIds;
  let afterSeq = 0n;
  while (rest.length > 0) {
    const asked = rest.slice(0, CANONICAL_PAGE);
    const batch = await canonical.call(context, MessageService.method.batchListMessages, {
      conversationIds: [...asked],
      latest,
      afterSeq,
    });
    for (const { conversationId, messages } of batch.conversations) {
      const own = read.get(conversationId);
      if (own === undefined) read.set(conversationId, messages);
      else own.push(...messages);
      count += messages.length;
      for (const { content } of messages) characters += content.length;
    }
    if (count > MAX_MESSAGES || characters > MAX_CHARACTERS) throw tooLarge();
    rest = [...batch.remainingIds, ...rest.slice(CANONICAL_PAGE)];
    afterSeq = batch.nextAfterSeq;
  }
  return read;
}

function tooLarge(): DomainError {
  return new DomainError(
    ErrorReason.TOO_LARGE,
    "the conversations asked for hold more messages than one answer can: ask for fewer at a time",
  );
}
