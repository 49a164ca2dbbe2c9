// MessageService: sends, reads, edits, deletes and finds messages.
import { MessageRevisionSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import * as pb from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { hidesPresent, showsDeleted } from "../../domain/lists/deleted.ts";
import { checkClientIds } from "../../domain/messages/client-ids.ts";
import { checkKinds, kindsOf } from "../../domain/messages/kinds.ts";
import { type RoleName, RolePolicy } from "../../domain/messages/role-policy.ts";
import { checkEtag, checkLogEtag, checkUpdateEtags } from "../../domain/updates/etag.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/messages/messages.ts";
import { SendQueue } from "../../store/messages/send-batcher.ts";
import { during } from "../../store/wrappers/during.ts";
import { findVisible, lockVisible, requireManage, requireOpen, requireWrite } from "../conversations/access.ts";
import { toMessage, toMessageRevision } from "../convert.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { batchListMessages } from "./batch.ts";
import { readBranches, selectBranch } from "./branches.ts";
import { lockMessage, requireAuthor, rereadMessage, updateMessage } from "./change.ts";
import { toDrafts } from "./drafts.ts";
import { listMessages, searchMessages } from "./list.ts";
import type { PageCache } from "./page-cache.ts";
import { needsTransaction } from "./references.ts";
import { replaceMessages } from "./replace.ts";
import { requireResponseFits, sendMessages } from "./send.ts";
import { sendBranched } from "./send-branched.ts";
import { readShown } from "./shown-message.ts";
import { listMentions, listReplies } from "./threads.ts";

export interface MessageServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** The roles that members may give to messages. Default: all. */
  readonly memberRoles?: readonly RoleName[] | undefined;
  /** Keeps pages that are read again and again. Default: none is kept. */
  readonly pages?: PageCache | undefined;
}

export function createMessageService(options: MessageServiceOptions): ServiceEntry {
  const { database, secrets } = options;
  const { method } = pb.MessageService;
  const { conversationMutation, messageMutation } = createMutations(database);
  const rolePolicy = new RolePolicy(options.memberRoles);
  const sending = { database, rolePolicy, sends: new SendQueue(database) };
  const sendOnBranch = conversationMutation(method.sendMessage, async (tx, caller, request) => {
    const wanted = { ...request, messages: request.message ? [request.message] : [] };
    const [message] = await sendBranched(tx, caller, wanted, rolePolicy, () => "message");
    return message === undefined ? {} : { message };
  });
  const batchSendOnBranch = conversationMutation(method.batchSendMessages, async (tx, caller, request) => ({
    messages: await sendBranched(tx, caller, request, rolePolicy, (index) => `messages[${index}]`),
  }));
  return serve(pb.MessageService, {
    async sendMessage(request, context) {
      const { conversationId, participantsOnly } = request;
      const messages = request.message ? [request.message] : [];
      if (messages.some(needsTransaction)) return sendOnBranch(request, context);
      const call = [pb.SendMessageRequestSchema, request] as const;
      const [message] = await sendMessages(sending, context, call, { conversationId, messages, participantsOnly });
      return message === undefined ? {} : { message };
    },

    async batchSendMessages(request, context) {
      requireResponseFits(request.messages);
      if (request.messages.some(needsTransaction)) return batchSendOnBranch(request, context);
      const call = [pb.BatchSendMessagesRequestSchema, request] as const;
      return { messages: await sendMessages(sending, context, call, request) };
    },

    async getMessage({ messageId: id, conversationId, deleted }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const showDeleted = showsDeleted(deleted);
      let row: store.MessageRow | undefined;
      if (conversationId !== "")
        row = await readShown(during(database, interrupt), caller, conversationId, id, showDeleted);
      else if (isOurId(id)) row = await store.readMessage(database, caller, id, showDeleted, interrupt);
      if (row === undefined || hidesPresent(deleted, row.delete_time)) throw notFound("message");
      return { message: toMessage(row) };
    },

    listMessages: (request, context) => listMessages(options, request, context),

    batchListMessages: (request, context) => batchListMessages(database, request, context),

    searchMessages: (request, context) => searchMessages(database, secrets, request, context),

    updateMessage: messageMutation(method.updateMessage, async (tx, caller, place, request) => {
      const { conversation, message } = await lockMessage(tx, caller, place);
      requireAuthor(caller, conversation, message);
      checkUpdateEtags(request, request.message, message.version);
      await updateMessage(tx, caller, message, request, rolePolicy);
      return { message: await rereadMessage(tx, caller, message) };
    }),

    deleteMessage: messageMutation(method.deleteMessage, async (tx, caller, place, request, context) => {
      const { conversation, message } = await lockMessage(tx, caller, place);
      requireAuthor(caller, conversation, message);
      checkEtag(request.etag, message.version);
      await store.setMessageDeleted(tx, caller, message, true);
      await audit(tx, caller, context, actOn("message.delete", message.id));
      return { message: await rereadMessage(tx, caller, message) };
    }),

    restoreMessage: messageMutation(method.restoreMessage, async (tx, caller, place, request, context) => {
      const { conversation, message } = await lockMessage(tx, caller, place, "allowed");
      requireAuthor(caller, conversation, message);
      if (message.delete_time === null) throw new DomainError(ErrorReason.NOT_DELETED, "the message is not deleted");
      if (message.sender === ERASED) throw notFound("message");
      checkEtag(request.etag, message.version);
      await store.setMessageDeleted(tx, caller, message, false);
      await audit(tx, caller, context, actOn("message.restore", message.id));
      return { message: await rereadMessage(tx, caller, message) };
    }),

    deleteAllMessages: conversationMutation(method.deleteAllMessages, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      requireManage(caller, row);
      const deletedCount = await store.setAllMessagesDeleted(tx, caller, row.id, true);
      await audit(tx, caller, context, actOnAll("message.delete_all", row.id, deletedCount));
      return { deletedCount };
    }),

    restoreAllMessages: conversationMutation(method.restoreAllMessages, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      requireManage(caller, row);
      const restoredCount = await store.setAllMessagesDeleted(tx, caller, row.id, false);
      await audit(tx, caller, context, actOnAll("message.restore_all", row.id, restoredCount));
      return { restoredCount };
    }),

    replaceMessages: conversationMutation(method.replaceMessages, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      requireManage(caller, row);
      checkLogEtag(request.etag, row.version, row.last_seq);
      requireOpen(row.status);
      const kinds = kindsOf(request.kinds);
      checkKinds(request.messages, kinds);
      checkClientIds(request.messages);
      const list = { wanted: await toDrafts(request.messages), kinds };
      const counts = await replaceMessages(tx, caller, row, list, context, rolePolicy);
      return {
        unchangedCount: counts.unchanged,
        editedCount: counts.edited,
        deletedCount: counts.deleted,
        addedCount: counts.added,
      };
    }),

    selectBranch: conversationMutation(method.selectBranch, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      requireWrite(caller, row);
      checkLogEtag(request.etag, row.version, row.last_seq);
      const branch = await selectBranch(tx, caller, row, request.messageId);
      const details = { message_id: branch.messageId };
      const what = { action: "conversation.select_branch", resourceType: "conversation", resourceId: row.id, details };
      await audit(tx, caller, context, what);
      return { branch };
    }),

    listReplies: (request, context) => listReplies(database, secrets, request, context),

    listMentions: (request, context) => listMentions(database, secrets, request, context),

    async listBranches(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const on = during(database, interrupt);
      const { items, ...page } = await paginate(secrets, caller, pb.ListBranchesRequestSchema, request, {
        item: pb.BranchSchema,
        async read({ after: [seq = "0"] = [], limit }) {
          const row = await findVisible(on, caller, request.conversationId);
          return readBranches(on, caller, row, BigInt(seq), limit);
        },
        convert: (branch) => branch,
        key: ({ messageSeq }) => [String(messageSeq)],
        heavy: true,
      });
      return { branches: items, ...page };
    },

    async listMessageRevisions(request, { principal, interrupt }) {
      const caller: Caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListMessageRevisionsRequestSchema, request, {
        item: MessageRevisionSchema,
        async read({ after: [revision = "-1"] = [], limit }) {
          const rows = isOurId(request.messageId)
            ? await store.listRevisions(database, caller, request.messageId, Number(revision), limit, interrupt)
            : undefined;
          if (rows === undefined) throw notFound("message");
          return rows;
        },
        convert: toMessageRevision,
        key: ({ revision }) => [String(revision)],
      });
      return { revisions: items, ...page };
    },
  });
}

function actOn(action: string, id: string) {
  return { action, resourceType: "message", resourceId: id };
}

function actOnAll(action: string, conversationId: string, count: bigint) {
  return { action, resourceType: "conversation", resourceId: conversationId, details: { count: Number(count) } };
}
