// ListConversations: filters, orders and pages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationOrder,
  type ListConversationsRequest,
  ListConversationsRequestSchema,
  type ListConversationsResponseSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { actorFilter, actorText } from "../../domain/identity/actor.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { deletedOf } from "../../domain/lists/deleted.ts";
import { invalidPageToken } from "../../domain/lists/page-token.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import {
  type ConversationList,
  readConversation,
  readMoment,
  listConversations as readPage,
} from "../../store/conversations/conversations.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { toConversation, toDate } from "../convert.ts";
import { paginate } from "../paginate.ts";

export async function listConversations(
  database: Database,
  secrets: TenantSecrets,
  request: ListConversationsRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof ListConversationsResponseSchema>> {
  const caller = callerFrom(principal);
  const order = orderOf(request.order);
  let moment = "";
  const { items, ...page } = await paginate(secrets, caller, ListConversationsRequestSchema, request, {
    item: ConversationSchema,
    async read({ after, ...part }) {
      const edge = after === undefined ? await edgeAfter(database, caller, request, interrupt) : edgeOf(after);
      const list: Omit<ConversationList, "viewer"> = {
        order,
        deleted: deletedOf(request.deleted),
        filters: filtersOf(request),
        count: request.includeTotalSize,
        ...part,
        ...(edge && { after: edge.after }),
      };
      const found = await readPage(database, caller, list, interrupt);
      moment = edge?.moment ?? found.moment;
      return found;
    },
    convert: (row) => toConversation(row, caller),
    key: ({ id, update_time, create_time, late }) => {
      const time = order === "activity" ? update_time : create_time;
      return [id, String(time.getTime()), late ? "late" : "", moment];
    },
  });
  return { conversations: items, ...page };
}

/** Where a page begins, and the moment of the first page, as the token says them. */
function edgeOf([id, time, late, moment]: readonly string[] = []) {
  if (id === undefined) return undefined;
  // Tokens of releases that listed by ids had two parts.
  if (moment === undefined) throw invalidPageToken();
  const since = moment === "" ? undefined : readMoment(moment);
  return { moment, after: { id, time: new Date(Number(time)), late: late !== "", since } };
}

/**
 * Behind the conversation that the request names, deleted or not. Throws INVALID_FIELD if the caller does not see it.
 */
async function edgeAfter(
  database: Database,
  caller: Caller,
  { afterId, order }: ListConversationsRequest,
  interrupt: Interrupt,
) {
  if (afterId === "") return undefined;
  if (order === ConversationOrder.LATEST_ACTIVITY_FIRST) {
    throw invalidField("after_id", "must be empty in a list by activity", "after_id.order");
  }
  const row = isOurId(afterId) ? await readConversation(database, caller, afterId, true, interrupt) : undefined;
  if (row === undefined) {
    throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, "after_id: must be a conversation of the list", {
      violations: [{ field: "after_id", description: "must be a conversation of the list", rule: "reference" }],
    });
  }
  return { moment: "", after: { id: row.id, time: row.create_time, late: false, since: undefined } };
}

function orderOf(order: ConversationOrder): ConversationList["order"] {
  switch (order) {
    case ConversationOrder.OLDEST_FIRST:
      return "oldest";
    case ConversationOrder.LATEST_ACTIVITY_FIRST:
      return "activity";
    default:
      return "newest";
  }
}

/** Only the filters that are set, so that the statement is made for them. */
function filtersOf(request: ListConversationsRequest): ConversationList["filters"] {
  const {
    status,
    callType,
    ownerId,
    participantId,
    agent,
    entityType,
    entityId,
    pinned,
    number,
    memberId,
    ownedOnly,
    labels,
    clientId,
    metadata,
    unlisted,
    mode,
    startTime,
    endTime,
  } = request;
  const creator = actorFilter("creator", request.creator);
  return {
    ...(status && { status }),
    ...(callType && { callType }),
    ...(ownerId && { ownerId }),
    ...(participantId && { participantId }),
    ...(creator && { creator: actorText(creator) }),
    ...(agent && { agent }),
    ...(entityType && { entityType }),
    ...(entityId && { entityId }),
    ...(mode && { mode }),
    ...(startTime && { start: toDate(startTime) }),
    ...(endTime && { end: toDate(endTime) }),
    ...(pinned !== undefined && { pinned }),
    ...(unlisted && { unlisted }),
    ...(request.pinnedByMe !== undefined && { pinnedByMe: request.pinnedByMe }),
    ...(request.archivedByMe !== undefined && { archivedByMe: request.archivedByMe }),
    ...(request.mutedByMe !== undefined && { mutedByMe: request.mutedByMe }),
    ...(number && { number }),
    ...(clientId && { clientId }),
    ...(memberId && { memberId }),
    ...(ownedOnly && { ownedOnly }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}
