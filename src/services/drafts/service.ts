// DraftService: what is written and not yet sent.
import { DraftSchema, ScheduledMessageSchema } from "../../../gen/colloquy/v1/draft_pb.ts";
import * as pb from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { checkEtag } from "../../domain/updates/etag.ts";
import type { Signals } from "../../live/signals/signals.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/drafts/drafts.ts";
import { readSignalPlace } from "../../store/signals/signals.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { fileIdsOf, messageBytes, toDraftMessage, toScheduled } from "./convert.ts";
import { schedule } from "./schedule.ts";

export interface DraftServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  readonly signals: Signals;
  readonly rolePolicy: RolePolicy;
  /** Told that a message was scheduled on this server. */
  readonly scheduled: () => void;
}

/** Of all drafts of a caller, as Protobuf. */
const MAX_BYTES = 16 * 1024 * 1024;

export function createDraftService({
  database,
  secrets,
  signals,
  rolePolicy,
  scheduled,
}: DraftServiceOptions): ServiceEntry {
  const { method } = pb.DraftService;
  const { mutation, conversationMutation } = createMutations(database);
  const tell = ({ principal }: CallContext, conversationId: string) => {
    const { tenantId, actor } = callerFrom(principal);
    signals.tellDraft({ tenantId, actor, conversationId: conversationId.toLowerCase() });
  };
  // The conversation is not locked: drafts are kept every few seconds, and nobody else has this one.
  const setOnce = mutation(
    method.setDraft,
    async (tx, caller, request) => {
      const id = await writableId(tx, caller, request.conversationId);
      await checkDraft(tx, caller, id, request.etag);
      const { message } = request;
      const row = await store.setDraft(tx, caller, id, messageBytes(message), fileIdsOf(message), MAX_BYTES);
      if (row === undefined) throw tooManyBytes(caller);
      return { draft: toDraftMessage(row) };
    },
    ({ draft }) => draft?.conversationId,
  );
  const deleteOnce = mutation(method.deleteDraft, async (tx, caller, request) => {
    const id = await writableId(tx, caller, request.conversationId);
    await checkDraft(tx, caller, id, request.etag);
    await store.deleteDraft(tx, caller, id);
    return {};
  });
  const scheduleOnce = conversationMutation(method.scheduleMessage, (tx, caller, request) =>
    schedule(tx, caller, request, rolePolicy),
  );

  return serve(pb.DraftService, {
    async setDraft(request, context) {
      const response = await setOnce(request, context);
      tell(context, request.conversationId);
      return response;
    },

    async getDraft({ conversationId }, { principal, interrupt }) {
      const row = isOurId(conversationId)
        ? await store.readDraft(database, callerFrom(principal), conversationId, interrupt)
        : undefined;
      if (row === undefined) throw notFound("draft");
      return { draft: toDraftMessage(row) };
    },

    async listDrafts(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListDraftsRequestSchema, request, {
        item: DraftSchema,
        async read({ after: [time, conversationId = ""] = [], limit }) {
          if (request.conversationId !== "" && !isOurId(request.conversationId)) return [];
          const before = time === undefined ? undefined : { time: new Date(Number(time)), conversationId };
          const list = { conversationId: request.conversationId || null, before, limit };
          return store.listDrafts(database, caller, list, interrupt);
        },
        convert: toDraftMessage,
        key: ({ update_time, conversation_id }) => [String(update_time.getTime()), conversation_id],
      });
      return { drafts: items, ...page };
    },

    async deleteDraft(request, context) {
      const response = await deleteOnce(request, context);
      tell(context, request.conversationId);
      return response;
    },

    async scheduleMessage(request, context) {
      const response = await scheduleOnce(request, context);
      scheduled();
      return response;
    },

    async getScheduledMessage({ scheduledMessageId: id }, { principal, interrupt }) {
      const row = isOurId(id)
        ? await store.readScheduled(database, callerFrom(principal), id.toLowerCase(), interrupt)
        : undefined;
      if (row === undefined) throw notFound("scheduled message");
      return { scheduledMessage: toScheduled(row) };
    },

    async listScheduledMessages(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { conversationId } = request;
      const { items, ...page } = await paginate(secrets, caller, pb.ListScheduledMessagesRequestSchema, request, {
        item: ScheduledMessageSchema,
        async read({ after: [time, id = ""] = [], limit }) {
          if (conversationId !== "" && !isOurId(conversationId)) return [];
          const after = time === undefined ? undefined : { time: new Date(Number(time)), id };
          const list = { conversationId: conversationId || null, state: request.state || null, after, limit };
          return store.listScheduled(database, caller, list, interrupt);
        },
        convert: toScheduled,
        key: ({ send_time, id }) => [String(send_time.getTime()), id],
      });
      return { scheduledMessages: items, ...page };
    },

    cancelScheduledMessage: mutation(method.cancelScheduledMessage, async (tx, caller, request) => {
      const id = request.scheduledMessageId.toLowerCase();
      const row = isOurId(id) ? await store.lockScheduled(tx, caller, id) : undefined;
      if (row === undefined) throw notFound("scheduled message");
      checkEtag(request.etag, row.version);
      await store.deleteScheduled(tx, caller, id);
      return {};
    }),
  });
}

function tooManyBytes({ actor }: Caller): DomainError {
  const description = "drafts with 16 MiB in all are the most that a caller may have";
  return new DomainError(ErrorReason.QUOTA_EXCEEDED, description, { quota: { subject: actor, description } });
}

/** The id of a conversation to which the caller may write. */
async function writableId(on: Queryable, caller: Caller, conversationId: string): Promise<string> {
  const place = isOurId(conversationId) ? await readSignalPlace(on, caller, conversationId, null) : undefined;
  if (place === undefined) throw notFound("conversation");
  if (!place.writable) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "only those who take part in the conversation may do this");
  }
  return conversationId.toLowerCase();
}

async function checkDraft(tx: Queryable, caller: Caller, conversationId: string, etag: string): Promise<void> {
  if (etag === "") return;
  const row = await store.lockDraft(tx, caller, conversationId);
  checkEtag(etag, row?.update_time.getTime() ?? 0);
}
