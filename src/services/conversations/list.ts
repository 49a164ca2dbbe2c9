// ListConversations: filters, orders and pages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationOrder,
  type ListConversationsRequest,
  ListConversationsRequestSchema,
  type ListConversationsResponseSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { actorFilter, actorText } from "../../domain/actor.ts";
import { callerFrom } from "../../domain/caller.ts";
import { deletedOf } from "../../domain/deleted.ts";
import { pageSizeOf } from "../../domain/page-size.ts";
import { invalidPageToken } from "../../domain/page-token.ts";
import type { CallContext } from "../../pipeline/call.ts";
import {
  type ConversationList,
  type ConversationRow,
  readMoment,
  listConversations as readPage,
} from "../../store/conversations/conversations.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { toConversation } from "../convert.ts";
import { tokenPageOf } from "../page-of.ts";
import { openPage } from "../paging.ts";

export async function listConversations(
  database: Database,
  secrets: TenantSecrets,
  request: ListConversationsRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof ListConversationsResponseSchema>> {
  const caller = callerFrom(principal);
  const page = await openPage(secrets, caller, ListConversationsRequestSchema, request);
  const limit = pageSizeOf(request.pageSize);
  const edge = edgeOf(page.cursor);
  const list: Omit<ConversationList, "viewer"> = {
    order: orderOf(request.order),
    deleted: deletedOf(request.deleted),
    filters: filtersOf(request),
    // What was skipped stands before the first page only.
    skip: edge === undefined ? request.skip : 0,
    limit: limit + 1,
    count: request.includeTotalSize,
    ...(edge && { after: edge.after }),
  };
  const { rows, total, moment } = await readPage(database, caller, list, interrupt);
  const convert = (row: ConversationRow) => toConversation(row, caller);
  const found = await tokenPageOf(page, ConversationSchema, rows, limit, convert, (last) => {
    const time = list.order === "activity" ? last.update_time : last.create_time;
    return [last.id, String(time.getTime()), last.late ? "late" : "", edge?.moment ?? moment];
  });
  return {
    conversations: found.items,
    nextPageToken: found.nextPageToken,
    ...(total === null ? {} : { totalSize: total }),
  };
}

/** Where a page begins, and the moment of the first page, as the token says them. */
function edgeOf([id, time, late, moment]: readonly string[] = []) {
  if (id === undefined) return undefined;
  // Tokens of releases that listed by ids had two parts.
  if (moment === undefined) throw invalidPageToken();
  const since = moment === "" ? undefined : readMoment(moment);
  return { moment, after: { id, time: new Date(Number(time)), late: late !== "", since } };
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
    ...(pinned !== undefined && { pinned }),
    ...(number && { number }),
    ...(memberId && { memberId }),
    ...(ownedOnly && { ownedOnly }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
}
