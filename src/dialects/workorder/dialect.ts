// The dialect of organizations that discuss business objects: only those who take part see a conversation.
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import type {
  ConversationSchema as OrderConversationSchema,
  MessageSchema as OrderMessageSchema,
} from "../../../gen/colloquy/compat/workorder/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/compat/workorder/v1/conversation_service_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationOrder,
  ConversationService as Conversations,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Participant } from "../../../gen/colloquy/v1/participant_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { actorText } from "../../domain/identity/actor.ts";
import type { MemberPrincipal, Principal } from "../../domain/identity/principal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { serve } from "../../pipeline/service.ts";
import { deriveContext } from "../../services/in-process/context.ts";
import { readConversations } from "../shared/conversation-pages.ts";
import type { CreateDialect, DialectTools } from "../shared/dialect.ts";
import { fastApiErrors } from "../shared/fastapi-errors.ts";
import type { LeanMessage } from "../shared/lean-message.ts";
import { readMessages } from "../shared/message-batches.ts";
import { skipOf } from "../shared/numbered-pages.ts";
import { statusOf as statusOfWord, wordOfStatus } from "../shared/vocabulary.ts";

const DEFAULT_LIMIT = 50;

/** What the services' fields are called here. */
const NAMES = { participant_ids: "participant_user_ids", title: "subject" };
/** How many messages of each conversation a list shows. */
const LISTED_MESSAGES = 50;

export const createWorkorder: CreateDialect = (tools) => {
  const { canonical } = tools;
  const { method } = ConversationService;

  /** A conversation in which the caller takes part. Throws NOT_FOUND for any other. */
  async function own(context: CallContext, conversationId: string): Promise<Conversation> {
    const { conversation } = await canonical.call(context, Conversations.method.getConversation, { conversationId });
    if (!conversation?.memberView?.participating) throw notFound("conversation");
    return conversation;
  }

  /** A conversation as it is shown, with all who take part. */
  async function show(context: CallContext, conversation: Conversation, messages: readonly LeanMessage[] = []) {
    const { participants, participantCount } = conversation;
    const all = participantCount > participants.length ? await readParticipants(context, conversation) : participants;
    return toConversation(conversation, all, messages);
  }

  async function readParticipants(context: CallContext, { id }: Conversation): Promise<Participant[]> {
    const participants: Participant[] = [];
    const budget = canonical.responseBudget(context);
    let pageToken = "";
    do {
      const request = { conversationId: id, pageSize: 200, pageToken };
      const page = await canonical.call(context, ParticipantService.method.listParticipants, request);
      await budget.add(page.participants);
      participants.push(...page.participants);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return participants;
  }

  async function allMessages(context: CallContext, { id }: Conversation): Promise<readonly LeanMessage[]> {
    return (await readMessages(canonical, context, [id])).get(id) ?? [];
  }

  const service = serve(ConversationService, {
    async listConversations({ organizationId, entityType, entityId, page = 1, limit = DEFAULT_LIMIT }, context) {
      const { memberId } = memberOf(context.principal);
      const scope = await scopeOf(tools, context, organizationId);
      if (scope === undefined) return { conversations: [] };
      const request = {
        ...(scope.everything ? {} : { participantId: memberId }),
        ...(entityType !== undefined && { entityType }),
        ...(entityId !== undefined && { entityId: usualCase(entityId) }),
        order: ConversationOrder.LATEST_ACTIVITY_FIRST,
        skip: skipOf(page, limit),
      };
      const { conversations } = await readConversations(canonical, scope.context, request, limit);
      const ids = conversations.map(({ id }) => id);
      const messages = await readMessages(canonical, scope.context, ids, LISTED_MESSAGES);
      return {
        conversations: await Promise.all(conversations.map((one) => show(scope.context, one, messages.get(one.id)))),
      };
    },

    async getConversation({ conversationId }, context) {
      const conversation = await own(context, conversationId);
      return { conversation: await show(context, conversation, await allMessages(context, conversation)) };
    },

    async createConversation({ organizationId, subject, entityType, entityId, participantUserIds }, context) {
      if (organizationId !== undefined) await requireOwn(tools, context, organizationId);
      if ((entityType === undefined) !== (entityId === undefined)) throw halfEntity(entityType === undefined);
      const { conversation } = await canonical.once(context, Conversations.method.createConversation, {
        conversation: { title: subject, entityType: entityType ?? "", entityId: usualCase(entityId ?? "") },
        participantIds: participantUserIds,
      });
      return conversation === undefined ? {} : { conversation: await show(context, conversation) };
    },

    async updateConversation({ conversationId, subject, status }, context) {
      await own(context, conversationId);
      const paths = [...(subject === undefined ? [] : ["title"]), ...(status === undefined ? [] : ["status"])];
      if (paths.length > 0) {
        await canonical.once(context, Conversations.method.updateConversation, {
          conversationId,
          conversation: { title: subject ?? "", status: statusOfWord(status ?? "") },
          updateMask: { paths },
        });
      }
      const conversation = await own(context, conversationId);
      return { conversation: await show(context, conversation, await allMessages(context, conversation)) };
    },

    async createMessage({ conversationId, body }, context) {
      const request = { conversationId, message: { content: body }, participantsOnly: true };
      const { message } = await canonical.once(context, Messages.method.sendMessage, request);
      return message === undefined ? {} : { message: toMessage(message) };
    },

    async listMessages({ conversationId }, context) {
      const messages = await allMessages(context, await own(context, conversationId));
      return { messages: messages.map(toMessage) };
    },
  });

  const get = Conversations.method.getConversation;
  const all = Messages.method.batchListMessages;
  const who = ParticipantService.method.listParticipants;
  return {
    name: "workorder",
    title: "Work orders",
    services: [service],
    calls: new Map<DescMethod, readonly DescMethod[]>([
      [method.listConversations, [Conversations.method.listConversations, all, who]],
      [method.getConversation, [get, all, who]],
      [method.createConversation, [Conversations.method.createConversation, who]],
      [method.updateConversation, [get, Conversations.method.updateConversation, all, who]],
      [method.createMessage, [Messages.method.sendMessage]],
      [method.listMessages, [get, all]],
    ]),
    admit: memberOf,
    mount: { basePaths: ["/api/v2/conversations"], renderError: fastApiErrors({ names: NAMES }) },
  };
};

/** Throws CREDENTIAL_INVALID for an API key: only a JWT says which user calls. */
function memberOf(principal: Principal): MemberPrincipal {
  if (principal.kind === "member") return principal;
  const given = principal.kind !== "anonymous";
  throw given
    ? new DomainError(ErrorReason.CREDENTIAL_INVALID, "an API key is not taken here: a JWT is needed")
    : new DomainError(ErrorReason.CREDENTIAL_MISSING, "a JWT is needed");
}

async function requireOwn({ tenants }: DialectTools, context: CallContext, name: string): Promise<void> {
  const tenant = await tenants.tenant(name);
  const own = tenant !== undefined && tenant.id === memberOf(context.principal).tenantId;
  if (!own) throw denied("organization_id: it is not the caller's own");
}

/** In which organization a list looks, and whether at all of it. Undefined: there is no such organization. */
async function scopeOf(
  tools: DialectTools,
  context: CallContext,
  organization: string | undefined,
): Promise<{ readonly context: CallContext; readonly everything: boolean } | undefined> {
  const principal = memberOf(context.principal);
  if (organization !== undefined && principal.role === "super_admin") {
    const tenant = await tools.tenants.tenant(organization);
    if (tenant === undefined) return undefined;
    return { context: deriveContext(context, { principal: { ...principal, tenantId: tenant.id } }), everything: true };
  }
  if (organization !== undefined) await requireOwn(tools, context, organization);
  return { context, everything: false };
}

function halfEntity(typeIsMissing: boolean): DomainError {
  const field = typeIsMissing ? "entity_type" : "entity_id";
  return invalidField(field, "entity_type and entity_id come together or not at all", "required");
}

/** A UUID is the same in either case: in this one it is kept, looked for and answered. */
function usualCase(uuid: string): string {
  return uuid.toLowerCase();
}

function denied(message: string): DomainError {
  return new DomainError(ErrorReason.PERMISSION_DENIED, message);
}

function toConversation(
  conversation: Conversation,
  participants: readonly Participant[],
  messages: readonly LeanMessage[],
): MessageInitShape<typeof OrderConversationSchema> {
  const { id, tenantId, title, status, entityType, entityId, creator, createTime, updateTime } = conversation;
  return {
    id,
    organizationId: tenantId,
    subject: title,
    status: wordOfStatus(status),
    ...(entityType && { entityType }),
    ...(entityId && { entityId }),
    createdBy: creator ? actorText(creator) : "",
    participants: participants.map(({ memberId, joinTime }) => ({
      userId: memberId,
      ...(joinTime && { joinedAt: joinTime }),
    })),
    messages: messages.map(toMessage),
    ...(createTime && { createdAt: createTime }),
    ...(updateTime && { updatedAt: updateTime }),
  };
}

function toMessage(message: LeanMessage): MessageInitShape<typeof OrderMessageSchema> {
  const { id, conversationId, sender, content, createTime } = message;
  return {
    id,
    conversationId,
    senderId: sender ? actorText(sender) : "",
    body: content,
    ...(createTime && { createdAt: createTime }),
  };
}
