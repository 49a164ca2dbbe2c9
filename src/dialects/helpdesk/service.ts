// The dialect's service: each call as calls of the services, made for the user that it names or whose conversation it
// is.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ConversationSchema } from "../../../gen/colloquy/compat/helpdesk/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/compat/helpdesk/v1/conversation_service_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { agentsAs } from "../agent-names.ts";
import { introducing } from "../shared/auto-register.ts";
import { CANONICAL_PAGE, LONGEST_PAGE, readConversations } from "../shared/conversation-pages.ts";
import type { DialectTools } from "../shared/dialect.ts";

const DEFAULT_LIMIT = 10n;
/** Maximum items that the services skip, more than any caller has. */
const FURTHEST_OFFSET = 10_000_000n;
const LARGEST_NUMBER = 2n ** 63n - 1n;
const USER_ID = /^[1-9]\d{0,15}$/;

export function createHelpdeskService({ canonical, acting }: DialectTools): ServiceEntry {
  const { method } = Conversations;

  /**
   * A conversation of a number, and the context of calls for its owner. Throws NOT_FOUND unless the caller may act for
   * it.
   */
  async function find(
    outer: CallContext,
    number: bigint,
    deleted: DeletedFilter = DeletedFilter.EXCLUDE,
  ): Promise<{ conversation: Conversation; context: CallContext }> {
    const reader = await acting.asReader(outer);
    const request = { number: number > LARGEST_NUMBER ? LARGEST_NUMBER : number, pageSize: 1, deleted };
    const [conversation] = (await canonical.call(reader, method.listConversations, request)).conversations;
    // A conversation of somebody whose id is no number has no place in this API.
    if (conversation === undefined || !USER_ID.test(conversation.ownerId)) throw notFound("conversation");
    if (!(await acting.may(outer, conversation.ownerId))) throw notFound("conversation");
    return { conversation, context: await acting.as(outer, conversation.ownerId) };
  }

  /** The numbers of conversations, given to those that have none. */
  async function numbersOf(context: CallContext, conversations: readonly Conversation[]): Promise<Map<string, bigint>> {
    const numbers = new Map(conversations.map(({ id, number }) => [id, number]));
    const ids = conversations.filter(({ number }) => number === 0n).map(({ id }) => id);
    // The oldest first, that their numbers rise with them.
    ids.reverse();
    for (let i = 0; i < ids.length; i += CANONICAL_PAGE) {
      const request = { conversationIds: ids.slice(i, i + CANONICAL_PAGE) };
      const response = await canonical.call(context, method.assignConversationNumbers, request);
      for (const { conversationId, number } of response.numbers) numbers.set(conversationId, number);
    }
    return numbers;
  }

  /** A conversation as the dialect returns it; `number` if it was just assigned. */
  async function output(context: CallContext, conversation: Conversation, number = conversation.number) {
    const agentOf = await agentsAs("name", canonical, context, [conversation]);
    return toOutput(conversation, agentOf(conversation), number);
  }

  return serve(ConversationService, {
    async createConversation({ userId, agent, title }, outer) {
      const ownerId = String(userId);
      const context = await acting.as(outer, ownerId);
      const { principal } = context;
      const isOwner = principal.kind !== "anonymous" && principal.memberId === ownerId;
      const request = {
        conversation: { ownerId, agent, title },
        // The owner takes part, whoever creates the conversation.
        participantIds: isOwner ? [] : [ownerId],
      };
      const { conversation } = await introducing(canonical, context, { id: ownerId, field: "user_id" }, () =>
        canonical.once(context, method.createConversation, request),
      );
      if (conversation === undefined) throw new Error("a conversation was created without an answer");
      const number = (await numbersOf(context, [conversation])).get(conversation.id) ?? 0n;
      return { statusCode: 201, message: "Success", data: await output(context, conversation, number) };
    },

    async getConversation({ id }, outer) {
      const { conversation, context } = await find(outer, id);
      return { statusCode: 200, message: "Success", data: await output(context, conversation) };
    },

    async listConversations({ userId, limit = DEFAULT_LIMIT, offset }, outer) {
      const ownerId = String(userId);
      const context = await acting.as(outer, ownerId);
      const skip = Number(offset < FURTHEST_OFFSET ? offset : FURTHEST_OFFSET);
      const size = limit < BigInt(LONGEST_PAGE) ? Number(limit) : LONGEST_PAGE;
      const { conversations } = await readConversations(canonical, context, { ownerId, skip }, size);
      const numbers = await numbersOf(context, conversations);
      // One that was deleted in between has no number, and is not there any more.
      const shown = conversations.filter(({ id }) => (numbers.get(id) ?? 0n) !== 0n);
      const agentOf = await agentsAs("name", canonical, context, shown);
      const data = shown.map((one) => toOutput(one, agentOf(one), numbers.get(one.id) ?? one.number));
      return { statusCode: 200, message: "Success", data };
    },

    async updateConversation({ id, title, agent }, outer) {
      const found = await find(outer, id);
      const paths = [...(title === undefined ? [] : ["title"]), ...(agent === undefined ? [] : ["agent"])];
      const { conversation } = await canonical.once(found.context, method.updateConversation, {
        conversationId: found.conversation.id,
        conversation: { title: title ?? "", agent: agent ?? "" },
        updateMask: { paths },
      });
      const data = await output(found.context, conversation ?? found.conversation, id);
      return { statusCode: 200, message: "Success", data };
    },

    async deleteConversation({ id }, outer) {
      const { conversation, context } = await find(outer, id).catch((error: unknown) => {
        // A retry with the same Idempotency-Key must reach the deletion, which knows its first response.
        if (outer.idempotencyKey === undefined) throw error;
        return find(outer, id, DeletedFilter.ONLY);
      });
      await canonical.once(context, method.deleteConversation, { conversationId: conversation.id });
      return { statusCode: 200, message: "Conversation deleted successfully" };
    },
  });
}

function toOutput(
  conversation: Conversation,
  agent: string,
  number: bigint,
): MessageInitShape<typeof ConversationSchema> {
  const { ownerId, title, createTime, lastMessageTime } = conversation;
  return {
    id: Number(number),
    userId: Number(ownerId),
    agent,
    title,
    createdAt: wholeSeconds(createTime),
    ...(lastMessageTime && { lastMessageAt: wholeSeconds(lastMessageTime) }),
  };
}

/** `2023-10-27T10:00:00Z` */
function wholeSeconds(time: Timestamp | undefined): string {
  return new Date(time === undefined ? 0 : timestampMs(time)).toISOString().replace(/\.\d+Z$/, "Z");
}
