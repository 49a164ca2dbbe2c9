// The methods about conversations: they are those of the contract, with another name for their ids.
import type { ConversationService } from "../../../gen/colloquy/compat/openai/v1/conversation_service_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationOrder,
  ConversationService as Conversations,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { textsOf } from "../../domain/files/inline-bytes.ts";
import type { Handlers } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { InPlace } from "./files/in-place.ts";
import { throwUnseen } from "./files/unseen.ts";
import { createFindItems } from "./find-items.ts";
import { conversationIdOf, inParameter, ourConversationId, ourIdIn } from "./ids.ts";
import { readItems } from "./items/read-items.ts";
import { writeItem } from "./items/write-item.ts";
import { checkMetadata, toMetadata } from "./metadata.ts";
import type { ActOnce } from "./retries.ts";

const DEFAULT_PAGE = 20;

export function createConversationHandlers(
  canonical: Canonical,
  actOnce: ActOnce,
  { keep, show }: InPlace,
): Handlers<typeof ConversationService> {
  const { method } = Conversations;
  const found = createFindItems(canonical);
  return {
    async createConversation(request, context) {
      const { items, metadata } = request;
      const once = await actOnce(context, method.createConversation, request);
      const read = await readItems(found, context, undefined, items);
      const messages = await keep(once, read, textsOf(request), "items");
      const wanted = { conversation: { metadata: checkMetadata(metadata) }, messages };
      const { conversation } = await canonical
        .once(once, method.createConversation, wanted)
        .catch((error: unknown) => throwUnseen(error, { name: "items", items, drafts: messages }));
      return answerOf(conversation);
    },

    async getConversation({ conversationId }, context) {
      const request = { conversationId: ourConversationId(conversationId) };
      const { conversation } = await canonical.call(context, method.getConversation, request);
      return answerOf(conversation);
    },

    async updateConversation(request, context) {
      const { conversationId, metadata } = request;
      if (metadata === undefined) throw invalidField("metadata", "must be given", "required");
      const once = await actOnce(context, method.updateConversation, request);
      const { conversation } = await canonical.once(once, method.updateConversation, {
        conversationId: ourConversationId(conversationId),
        conversation: { metadata: checkMetadata(JSON.parse(metadata)) },
        updateMask: { paths: ["metadata"] },
      });
      return answerOf(conversation);
    },

    async deleteConversation(request, context) {
      const { conversationId } = request;
      const own = ourConversationId(conversationId);
      const once = await actOnce(context, method.deleteConversation, request);
      await canonical.once(once, method.deleteConversation, { conversationId: own });
      return { conversation: { id: conversationId, object: "conversation.deleted", deleted: true } };
    },

    async listConversations({ limit = DEFAULT_PAGE, after, order, metadata }, context) {
      const request = {
        pageSize: limit,
        order: order === "asc" ? ConversationOrder.OLDEST_FIRST : ConversationOrder.NEWEST_FIRST,
        afterId: after === undefined ? "" : (ourIdIn(after) ?? after),
        metadata,
      };
      const { conversations, nextPageToken } = await canonical
        .call(context, method.listConversations, request)
        .catch((error: unknown) => {
          const unknown = error instanceof DomainError && error.reason === ErrorReason.UNKNOWN_REFERENCE;
          throw unknown && after !== undefined ? inParameter("after", notFound("conversation")) : error;
        });
      const data = conversations.map(toConversation);
      return { object: "list", data, ...edgesOf(data), hasMore: nextPageToken !== "" };
    },

    async searchItems({ query, limit = DEFAULT_PAGE, page = "", conversation = "" }, context) {
      const { matches, nextPageToken } = await canonical.call(context, Messages.method.searchMessages, {
        query,
        pageSize: limit,
        pageToken: page,
        conversationId: conversation === "" ? "" : ourConversationId(conversation),
      });
      const files = await show(
        context,
        matches.flatMap(({ message = [] }) => message),
      );
      return {
        object: "conversation.search_results.page",
        searchQuery: query,
        data: matches.flatMap(({ message, score, snippet }) =>
          message === undefined
            ? []
            : {
                conversationId: conversationIdOf(message.conversationId),
                item: writeItem(message, files).json,
                score,
                snippet,
              },
        ),
        hasMore: nextPageToken !== "",
        ...(nextPageToken !== "" && { nextPage: nextPageToken }),
      };
    },
  };
}

/** The ids at the edges of a page; none of an empty one. */
export function edgesOf(items: readonly { readonly id: string }[]): { firstId?: string; lastId?: string } {
  const [first] = items;
  const last = items.at(-1);
  return first === undefined || last === undefined ? {} : { firstId: first.id, lastId: last.id };
}

export function toConversation({ id, createTime, metadata = {} }: Conversation) {
  return {
    id: conversationIdOf(id),
    object: "conversation",
    createdAt: Number(createTime?.seconds ?? 0n),
    metadata: toMetadata(metadata),
  };
}

function answerOf(conversation: Conversation | undefined) {
  return conversation === undefined ? {} : { conversation: toConversation(conversation) };
}
