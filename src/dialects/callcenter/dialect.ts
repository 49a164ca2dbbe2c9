// The dialect of call agents and their managers.
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import type {
  Conversation as CallConversation,
  ConversationSchema as CallConversationSchema,
  MessageListSchema,
} from "../../../gen/colloquy/compat/callcenter/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/compat/callcenter/v1/conversation_service_pb.ts";
import type { Conversation, ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService as Conversations } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { mayOnlyWrite } from "../../domain/identity/principal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { serve } from "../../pipeline/service.ts";
import type { HttpRequest } from "../../protocols/http/request.ts";
import { LONGEST_PAGE, readConversations } from "../shared/conversation-pages.ts";
import type { CreateDialect } from "../shared/dialect.ts";
import { fastApiErrors, type StatusOf } from "../shared/fastapi-errors.ts";
import { readMessages } from "../shared/message-batches.ts";
import { skipOf, totalPages } from "../shared/numbered-pages.ts";
import { callTypeOf, roleOf, wordOfCallType, wordOfRole, wordOfStatus } from "../shared/vocabulary.ts";

const DEFAULT_SIZE = 20;

/** What the services' fields are called here. */
const NAMES = { owner_id: "agent_id" };

/** What a PUT replaces, sent or not. */
const REPLACED = ["call_type", "title", "persona", "profile_info", "metadata"];

export const createCallcenter: CreateDialect = ({ canonical, acting }) => {
  const { method } = ConversationService;

  /** Throws PERMISSION_DENIED for an agent that is not the caller, nor one whose conversations the caller sees. */
  async function requireTheirs(context: CallContext, agentId: string | undefined): Promise<void> {
    if (agentId === undefined || (await acting.may(context, agentId))) return;
    const rule = "only the agent itself, its managers, administrators and API keys may name it";
    throw new DomainError(ErrorReason.PERMISSION_DENIED, `agent_id: ${rule}`);
  }

  const service = serve(ConversationService, {
    async listUserConversations({ callType = "", agentId, page = 1, size: asked = DEFAULT_SIZE }, context) {
      await requireTheirs(context, agentId);
      const size = Math.min(asked, LONGEST_PAGE);
      const request = {
        callType: callTypeOf(callType),
        ...(agentId === undefined ? { ownedOnly: true } : { ownerId: agentId }),
        skip: skipOf(page, size),
        includeTotalSize: true,
      };
      const { conversations, total } = await readConversations(canonical, context, request, size);
      const ids = conversations.map(({ id }) => id);
      const messages = await readMessages(canonical, context, ids);
      return {
        conversations: conversations.map((one) => toConversation(one, messages.get(one.id))),
        pagination: { totalItems: total, totalPages: totalPages(total, size), page, size },
      };
    },

    async getConversation({ conversationId }, context) {
      const response = await canonical.call(context, Conversations.method.getConversation, { conversationId });
      const messages = await readMessages(canonical, context, [conversationId]);
      return { conversation: toConversation(response.conversation, messages.get(response.conversation?.id ?? "")) };
    },

    async createConversation({ conversation: wanted }, context) {
      await requireTheirs(context, wanted?.agentId);
      const messages = draftsOf(wanted) ?? [];
      const conversation = fromConversation(wanted);
      const response = await canonical.once(context, Conversations.method.createConversation, {
        conversation,
        messages,
      });
      return { conversation: toConversation(response.conversation, messages) };
    },

    async updateConversation({ conversationId, conversation: wanted }, context) {
      const drafts = draftsOf(wanted);
      const response = await canonical.once(context, Conversations.method.updateConversation, {
        conversationId,
        conversation: fromConversation(wanted),
        updateMask: { paths: wanted?.agentId === undefined ? REPLACED : [...REPLACED, "owner_id"] },
        ...(drafts && { messageList: { messages: drafts } }),
      });
      const id = response.conversation?.id ?? "";
      const untold = drafts ?? (mayOnlyWrite(context.principal) ? [] : undefined);
      const messages = untold ?? (await readMessages(canonical, context, [id])).get(id);
      return { conversation: toConversation(response.conversation, messages) };
    },

    async deleteConversation({ conversationId }, context) {
      await canonical.once(context, Conversations.method.deleteConversation, { conversationId });
      return { message: "success" };
    },
  });
  const all = Messages.method.batchListMessages;
  return {
    name: "callcenter",
    title: "Call center",
    services: [service],
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [method.listUserConversations, [Conversations.method.listConversations, all]],
      [method.getConversation, [Conversations.method.getConversation, all]],
      [method.createConversation, [Conversations.method.createConversation]],
      [method.updateConversation, [Conversations.method.updateConversation]],
      [method.deleteConversation, [Conversations.method.deleteConversation]],
    ]),
    answers: new Map<DescMethod, readonly DescMethod[]>([[method.updateConversation, [all]]]),
    mount: {
      basePaths: ["/conversations"],
      reservedParameters: [AUTH_TOKEN],
      header: tokenInQuery,
      renderError: fastApiErrors({ statusOf, names: NAMES }),
    },
  };
};

/**
 * A conversation that cannot be updated is a 424, and who may not do something is as unknown as without a credential.
 */
const statusOf: StatusOf = ({ kind, reason }, { binding }) => {
  const updates = binding?.method === ConversationService.method.updateConversation;
  const impossible = kind === "not_found" || kind === "conflict" || reason === "PERMISSION_DENIED";
  if (updates && impossible) return 424;
  return kind === "forbidden" ? 401 : undefined;
};

const AUTH_TOKEN = "auth_token";

/** The token may come in the query; one in a header comes first. */
function tokenInQuery(name: string, request: HttpRequest, query: string): string | undefined {
  if (name !== "authorization" || !query.includes(AUTH_TOKEN)) return undefined;
  if (request.headers.authorization !== undefined || request.headers["x-api-key"] !== undefined) return undefined;
  const token = new URLSearchParams(query).get(AUTH_TOKEN);
  return token === null ? undefined : `Bearer ${token}`;
}

function fromConversation(wanted: CallConversation | undefined): MessageInitShape<typeof ConversationSchema> {
  const { title = "", agentId = "", callType = "", persona, profileInfo, metadata } = wanted ?? {};
  return {
    title,
    ownerId: agentId,
    callType: callTypeOf(callType),
    ...(persona && { persona }),
    ...(profileInfo && { profileInfo }),
    ...(metadata && { metadata }),
  };
}

type Draft = MessageInitShape<typeof MessageSchema> & Pick<Message, "role" | "content">;

/** Undefined: the request says nothing of messages. */
function draftsOf(wanted: CallConversation | undefined): Draft[] | undefined {
  return wanted?.messages?.messages.map(({ role, content }) => ({ role: roleOf(role), content }));
}

function toConversation(
  conversation: Conversation | undefined,
  messages: readonly Pick<Message, "role" | "content">[] = [],
): MessageInitShape<typeof CallConversationSchema> {
  if (conversation === undefined) return {};
  const { id, title, ownerId, callType, status, createTime, updateTime } = conversation;
  const { persona = {}, profileInfo = {}, metadata = {} } = conversation;
  const word = wordOfCallType(callType);
  return {
    id,
    ...(word && { callType: word }),
    title,
    ...(ownerId && { agentId: ownerId }),
    persona,
    profileInfo,
    metadata,
    messages: toMessages(messages),
    status: wordOfStatus(status),
    ...(createTime && { createdAt: createTime }),
    ...(updateTime && { updatedAt: updateTime }),
  };
}

function toMessages(
  messages: readonly Pick<Message, "role" | "content">[],
): MessageInitShape<typeof MessageListSchema> {
  return { messages: messages.map(({ role, content }) => ({ role: wordOfRole(role), content })) };
}
