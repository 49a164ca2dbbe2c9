// The methods about items: each is one entry of its conversation's log.
import type { ItemService } from "../../../gen/colloquy/compat/openai/v1/item_service_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { textsOf } from "../../domain/files/inline-bytes.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Handlers } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { edgesOf, toConversation } from "./conversations.ts";
import type { InPlace } from "./files/in-place.ts";
import { throwUnseen } from "./files/unseen.ts";
import { createFindItems, KINDS } from "./find-items.ts";
import { inParameter, ourConversationId } from "./ids.ts";
import { readItems } from "./items/read-items.ts";
import { writeItem } from "./items/write-item.ts";
import type { ConversationLines } from "./responses/line.ts";
import { betweenTurns } from "./responses/turn-end.ts";
import type { ActOnce } from "./retries.ts";

const DEFAULT_PAGE = 20;

export function createItemHandlers(
  canonical: Canonical,
  actOnce: ActOnce,
  lines: ConversationLines,
  { keep, show }: InPlace,
): Handlers<typeof ItemService> {
  const { method } = Messages;

  const found = createFindItems(canonical);

  async function listOf(context: CallContext, messages: readonly Message[]) {
    const files = await show(context, messages);
    const items = messages.map((message) => writeItem(message, files));
    return { data: items.map(({ json }) => json), ...edgesOf(items) };
  }

  /** Where a page begins: also behind an item that was deleted since it was shown. */
  async function edgeOf(context: CallContext, conversationId: string, after: string | undefined, ascending: boolean) {
    if (after === undefined) return {};
    try {
      const { seq } = await found.find(context, conversationId, after, true);
      return ascending ? { afterSeq: seq } : { beforeSeq: seq };
    } catch (error) {
      throw inParameter("after", error);
    }
  }

  return {
    async createItems(wanted, context) {
      const { conversationId, items } = wanted;
      const own = ourConversationId(conversationId);
      const read = await readItems(found, context, own, items);
      if (read.length === 0) return { object: "list", data: [], hasMore: false };
      const once = await actOnce(context, method.batchSendMessages, wanted);
      const texts = textsOf(wanted);
      // No file is stored for a conversation that is not there.
      if (texts.size > 0) await canonical.call(context, Conversations.method.getConversation, { conversationId: own });
      const drafts = await keep(once, read, texts, "items");
      const request = { conversationId: own, messages: drafts };
      const { messages } = await betweenTurns(canonical, lines, context, own, () =>
        canonical.once(once, method.batchSendMessages, request),
      ).catch((error: unknown) => throwUnseen(error, { name: "items", items, drafts }));
      return { object: "list", ...(await listOf(once, messages)), hasMore: false };
    },

    async listItems({ conversationId, limit = DEFAULT_PAGE, after, order }, context) {
      const own = ourConversationId(conversationId);
      const ascending = order === "asc";
      const edge = await edgeOf(context, own, after, ascending);
      const { messages, nextPageToken } = await canonical.call(context, method.listMessages, {
        conversationId: own,
        pageSize: limit,
        order: ascending ? MessageOrder.OLDEST_FIRST : MessageOrder.NEWEST_FIRST,
        kinds: KINDS,
        ...edge,
      });
      return { object: "list", ...(await listOf(context, messages)), hasMore: nextPageToken !== "" };
    },

    async getItem({ conversationId, itemId }, context) {
      const message = await found.find(context, ourConversationId(conversationId), itemId);
      return { item: writeItem(message, await show(context, [message])).json };
    },

    async deleteItem(wanted, context) {
      const { conversationId, itemId } = wanted;
      const own = ourConversationId(conversationId);
      // Also a deleted one: a further attempt is answered as the first.
      const { id } = await found.find(context, own, itemId, true);
      const once = await actOnce(context, method.deleteMessage, wanted);
      await canonical.once(once, method.deleteMessage, { messageId: id });
      const request = { conversationId: own };
      const { conversation } = await canonical.call(once, Conversations.method.getConversation, request);
      return conversation === undefined ? {} : { conversation: toConversation(conversation) };
    },
  };
}
