// UpdateConversation: which fields change, who may change them, and the log entries.
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import { type Conversation, ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { UpdateConversationRequest } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { EventType } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { checkClientIds } from "../../domain/messages/client-ids.ts";
import { checkKinds, kindsOf } from "../../domain/messages/kinds.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { checkLogEtag, checkUpdateEtags } from "../../domain/updates/etag.ts";
import { fieldsToUpdate, refuseNothing } from "../../domain/updates/field-mask.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import * as store from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { toConversation } from "../convert.ts";
import { toDrafts } from "../messages/drafts.ts";
import { replaceMessages } from "../messages/replace.ts";
import { lockVisible, requireManage, requireOpen, requireWrite } from "./access.ts";
import { checkClientIdFree } from "./create.ts";
import { checkEntity, checkOwner, toValues } from "./values.ts";

/** Changes what the request names. A change to what is there already is none, and leaves no trace. */
export async function updateConversation(
  tx: Queryable,
  caller: Caller,
  request: UpdateConversationRequest,
  origin: AuditOrigin,
  rolePolicy: RolePolicy,
): Promise<void> {
  const row = await lockVisible(tx, caller, request.conversationId);
  requireWrite(caller, row);
  const wanted = request.conversation ?? create(ConversationSchema);
  if (request.messageList) for (const { etag } of [request, wanted]) checkLogEtag(etag, row.version, row.last_seq);
  else checkUpdateEtags(request, wanted, row.version);
  const fields = fieldsToUpdate(ConversationSchema, wanted, request.updateMask?.paths, store.writableColumns);
  if (request.messageList === undefined) refuseNothing(fields, request.updateMask);

  const current = await store.readConversation(tx, caller, row.id);
  if (current === undefined) throw notFound("conversation");
  const before = toConversation(current, caller);
  const oldValues = toValues(before);
  const newValues = toValues(wanted);
  const changed = fields.filter((field) => !isDeepStrictEqual(newValues[field], oldValues[field]));
  checkEntity(afterwards(before, wanted, fields));
  if (changed.includes("owner_id")) {
    requireManage(caller, row);
    if (wanted.ownerId !== "") await checkOwner(tx, caller, wanted.ownerId);
    await checkClientIdFree(tx, caller, before.clientId, wanted.ownerId || null);
  }
  if (changed.length > 0) {
    await store.updateConversation(tx, caller, row.id, newValues, changed);
    const event = { type: EventType.CONVERSATION_UPDATED, data: { fields: changed } };
    await store.appendToLog(tx, caller, row.id, [event], { changesConversation: true });
  }
  if (changed.includes("owner_id")) {
    const details = { owner_id: wanted.ownerId, previous_owner_id: before.ownerId };
    await audit(tx, caller, origin, {
      action: "conversation.set_owner",
      resourceType: "conversation",
      resourceId: row.id,
      details,
    });
  }
  if (request.messageList) {
    requireManage(caller, row);
    requireOpen(changed.includes("status") ? wanted.status : row.status);
    const kinds = kindsOf([]);
    checkKinds(request.messageList.messages, kinds, "message_list.messages");
    checkClientIds(request.messageList.messages, "message_list.messages");
    const list = { wanted: await toDrafts(request.messageList.messages), kinds, field: "message_list.messages" };
    await replaceMessages(tx, caller, row, list, origin, rolePolicy);
  }
}

function afterwards(before: Conversation, wanted: Conversation, fields: readonly string[]) {
  return {
    entityType: fields.includes("entity_type") ? wanted.entityType : before.entityType,
    entityId: fields.includes("entity_id") ? wanted.entityId : before.entityId,
  };
}
