// ConversationService: what conversations are, and whether they are deleted.
import { create } from "@bufbuild/protobuf";
import { type Conversation, ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import * as pb from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { EventType } from "../../domain/event-type.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { hidesPresent, showsDeleted } from "../../domain/lists/deleted.ts";
import { type RoleName, RolePolicy } from "../../domain/messages/role-policy.ts";
import { checkEtag } from "../../domain/updates/etag.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { type AuditedAct, audit } from "../../store/audit/audit.ts";
import * as store from "../../store/conversations/conversations.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { areHeavy } from "../../store/driver/row-budget.ts";
import { isKeptWhole, purgeConversation } from "../../store/purge/purge.ts";
import { toConversation } from "../convert.ts";
import { createMutations, requestHash } from "../mutations.ts";
import { pageOf } from "../page-of.ts";
import { lockVisible, requireManage } from "./access.ts";
import { createConversation } from "./create.ts";
import { forkConversation } from "./fork.ts";
import { listConversations } from "./list.ts";
import { checkNumbers } from "./numbers.ts";
import { eraseLog, forgetResponses, removeFiles } from "./purge.ts";
import { updateConversation } from "./update.ts";

export interface ConversationServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** The roles that members may give to messages. Default: all. */
  readonly memberRoles?: readonly RoleName[] | undefined;
  /** Where the bytes of files lie, which are removed with a purged conversation. Default: by the sweeper alone. */
  readonly bytes?: ByteStore | undefined;
  /** After how many days a deleted conversation is purged. Default: never. */
  readonly purgeAfterDays?: number | undefined;
}

export function createConversationService(options: ConversationServiceOptions): ServiceEntry {
  const { database, secrets, purgeAfterDays } = options;
  const rolePolicy = new RolePolicy(options.memberRoles);
  const { method } = pb.ConversationService;
  const { mutation, conversationMutation } = createMutations(database);
  return serve(pb.ConversationService, {
    createConversation: mutation(
      method.createConversation,
      async (tx, caller, request) => {
        const id = await createConversation(tx, caller, request, rolePolicy, {
          hash: () => requestHash(method.createConversation.input, request),
        });
        return { conversation: await reread(tx, caller, id) };
      },
      ({ conversation }) => conversation?.id,
    ),

    forkConversation: mutation(
      method.forkConversation,
      async (tx, caller, request, context) => {
        const id = await forkConversation(tx, caller, request, rolePolicy);
        const details = { origin_id: request.conversationId.toLowerCase() };
        await audit(tx, caller, context, { ...actOn("conversation.fork", id), details });
        return { conversation: await reread(tx, caller, id) };
      },
      ({ conversation }) => conversation?.id,
    ),

    async getConversation({ conversationId: id, deleted }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const row = isOurId(id)
        ? await store.readConversation(database, caller, id, showsDeleted(deleted), interrupt)
        : undefined;
      if (row === undefined || hidesPresent(deleted, row.delete_time)) throw notFound("conversation");
      return { conversation: toConversation(row, caller) };
    },

    async batchGetConversations({ conversationIds }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const asked = conversationIds.filter(isOurId);
      const rows = await store.readConversations(database, caller, asked, interrupt);
      const found = new Map(rows.map((row) => [row.id, row]));
      const inOrder = conversationIds.flatMap((id) => found.get(id.toLowerCase()) ?? []);
      const convert = (row: store.ConversationRow) => toConversation(row, caller);
      const { items, shown } = pageOf(ConversationSchema, inOrder, inOrder.length, convert, areHeavy(rows));
      return {
        conversations: [...items],
        missingIds: conversationIds.filter((id) => !found.has(id.toLowerCase())),
        remainingIds: inOrder.slice(shown.length).map(({ id }) => id),
      };
    },

    listConversations: (request, context) => listConversations(database, secrets, request, context),

    updateConversation: conversationMutation(method.updateConversation, async (tx, caller, request, context) => {
      await updateConversation(tx, caller, request, context, rolePolicy);
      return { conversation: await reread(tx, caller, request.conversationId) };
    }),

    deleteConversation: conversationMutation(method.deleteConversation, async (tx, caller, request, context) => {
      const { id, ...row } = await lockVisible(tx, caller, request.conversationId);
      requireManage(caller, { id, ...row });
      checkEtag(request.etag, row.version);
      await store.markConversationDeleted(tx, caller, id, true, purgeAfterDays);
      const event = { type: EventType.CONVERSATION_DELETED, data: {} };
      await store.appendToLog(tx, caller, id, [event], { changesConversation: true });
      await audit(tx, caller, context, actOn("conversation.delete", id));
      return { conversation: await reread(tx, caller, id) };
    }),

    restoreConversation: conversationMutation(method.restoreConversation, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId, "allowed");
      requireManage(caller, row);
      if (!row.deleted) throw new DomainError(ErrorReason.NOT_DELETED, "the conversation is not deleted");
      if (row.purging) {
        // Members notice nothing of legal holds.
        const seesHolds = caller.viewer.kind === "tenant";
        const kept = seesHolds && (await isKeptWhole(tx, caller.tenantId, row.id, row.last_seq));
        if (!kept) throw notFound("conversation");
      }
      checkEtag(request.etag, row.version);
      await store.markConversationDeleted(tx, caller, row.id, false);
      const event = { type: EventType.CONVERSATION_RESTORED, data: {} };
      await store.appendToLog(tx, caller, row.id, [event], { changesConversation: true });
      await audit(tx, caller, context, actOn("conversation.restore", row.id));
      return { conversation: await reread(tx, caller, row.id) };
    }),

    async purgeConversation(request, context) {
      const erased = await eraseLog(database, request, context);
      const purge = conversationMutation(method.purgeConversation, async (tx, caller) => {
        const { id } = await lockVisible(tx, caller, request.conversationId, "allowed");
        const left = await purgeConversation(tx, caller, id);
        await audit(tx, caller, context, actOn("conversation.purge", id));
        return { purgedMessageCount: erased + left };
      });
      const response = await purge(request, context);
      await forgetResponses(database, context);
      if (options.bytes !== undefined) await removeFiles(database, options.bytes, context);
      return response;
    },

    assignConversationNumbers: mutation(method.assignConversationNumbers, async (tx, caller, request) => {
      const ids = [...new Set(request.conversationIds.map((id) => id.toLowerCase()))].filter(isOurId);
      const numbers = await store.assignNumbers(tx, caller, ids);
      checkNumbers(numbers.values());
      return {
        numbers: ids.flatMap((conversationId) => {
          const number = numbers.get(conversationId);
          return number === undefined ? [] : { conversationId, number };
        }),
      };
    }),
  });
}

/** The conversation as it is now, for the response to a change. */
async function reread(tx: Queryable, caller: Caller, id: string): Promise<Conversation> {
  const row = await store.readConversation(tx, caller, id, true);
  // A change may end the caller's own sight of it, by giving it away.
  return row === undefined ? create(ConversationSchema, { id }) : toConversation(row, caller);
}

function actOn(action: string, id: string): AuditedAct {
  return { action, resourceType: "conversation", resourceId: id };
}
