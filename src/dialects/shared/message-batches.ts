// Reads the messages of conversations, for dialects that return them with the conversation.
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { MAX_BYTES, type ResponseBudget } from "../../services/in-process/response-budget.ts";
import { CANONICAL_PAGE } from "./conversation-pages.ts";
import { type LeanMessage, toLean } from "./lean-message.ts";

/** Below that one more batch is read, which takes up to 4 MiB in JSON. */
const MAX_BATCH_BYTES = MAX_BYTES / 4;

export interface MessageBatch {
  /** In the order asked for, each whole; the first of all may be in part. */
  readonly conversations: readonly { readonly conversationId: string; readonly messages: LeanMessage[] }[];
  /** What did not fit. */
  readonly remainingIds: readonly string[];
  /** Of the first that did not fit: what comes after this place in its log. 0: all of it. */
  readonly nextAfterSeq: bigint;
}

/** Reads more bytes than one call of BatchListMessages returns, in as many calls as needed. */
export async function readBatch(
  canonical: Canonical,
  context: CallContext,
  budget: ResponseBudget,
  { conversationIds, maxMessages, afterSeq }: { conversationIds: string[]; maxMessages: number; afterSeq: bigint },
): Promise<MessageBatch> {
  const read = new Map<string, LeanMessage[]>();
  let rest = conversationIds;
  let after = afterSeq;
  let room = maxMessages;
  do {
    const request = { conversationIds: rest, maxMessages: room, afterSeq: after };
    const batch = await canonical.call(context, MessageService.method.batchListMessages, request);
    for (const { conversationId, messages } of batch.conversations) {
      await budget.add(messages);
      room -= messages.length;
      append(read, conversationId, messages.map(toLean));
    }
    rest = batch.remainingIds;
    after = batch.nextAfterSeq;
  } while (rest.length > 0 && room > 0 && budget.bytes < MAX_BATCH_BYTES);
  const [cut] = rest;
  // Only the first conversation may be returned in part; any other waits until it is the first.
  if (cut !== undefined && cut !== conversationIds[0] && read.delete(cut)) after = 0n;
  const conversations = [...read].map(([conversationId, messages]) => ({ conversationId, messages }));
  return { conversations, remainingIds: rest, nextAfterSeq: after };
}

/**
 * The messages of some conversations, oldest first, by the conversation's id; with `latest`, only that many of each.
 * Throws TOO_LARGE if they do not fit into a response.
 */
export async function readMessages(
  canonical: Canonical,
  context: CallContext,
  conversationIds: readonly string[],
  latest = 0,
): Promise<ReadonlyMap<string, readonly LeanMessage[]>> {
  const read = new Map<string, LeanMessage[]>();
  const budget = canonical.responseBudget(context);
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
      append(read, conversationId, messages.map(toLean));
      await budget.add(messages);
    }
    rest = [...batch.remainingIds, ...rest.slice(CANONICAL_PAGE)];
    afterSeq = batch.nextAfterSeq;
  }
  return read;
}

function append(read: Map<string, LeanMessage[]>, conversationId: string, messages: LeanMessage[]): void {
  const own = read.get(conversationId);
  if (own === undefined) read.set(conversationId, messages);
  else own.push(...messages);
}
