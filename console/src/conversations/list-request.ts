// The requests for a page of the list and for a search, from the state in the address.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  ConversationOrder,
  type ListConversationsRequestSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { SearchMessagesRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { timeOf } from "../ui/local-time.ts";
import { type ListSearch, readPairs } from "./list-search.ts";

export type ListRequest = MessageInitShape<typeof ListConversationsRequestSchema>;

/** Rows that are read at a time. */
export const PAGE_SIZE = 50;

const ORDERS = {
  activity: ConversationOrder.LATEST_ACTIVITY_FIRST,
  newest: ConversationOrder.NEWEST_FIRST,
  oldest: ConversationOrder.OLDEST_FIRST,
};
const STATUSES = {
  active: ConversationStatus.ACTIVE,
  archived: ConversationStatus.ARCHIVED,
  closed: ConversationStatus.CLOSED,
};
const CALLS = { inbound: CallType.INBOUND, outbound: CallType.OUTBOUND, training: CallType.TRAINING };

export type SearchRequest = MessageInitShape<typeof SearchMessagesRequestSchema>;

/** What is searched in all messages, within the filters. Times are those at which messages were sent. */
export function searchOf(query: string, search: ListSearch) {
  return { query, pageToken: "", pageSize: PAGE_SIZE, ...filtersOf(search) } satisfies SearchRequest;
}

/** Pages have numbers, so that the list can be entered anywhere. The first one counts all. */
export function requestOf(search: ListSearch, page: number): ListRequest {
  return {
    pageSize: PAGE_SIZE,
    skip: page * PAGE_SIZE,
    includeTotalSize: page === 0,
    order: ORDERS[search.order ?? "activity"],
    ...filtersOf(search),
    ...(search.deleted && { deleted: DeletedFilter.ONLY }),
  };
}

/** The filters that a list and a search have in common. */
function filtersOf(search: ListSearch) {
  const { labels = "", metadata = "" } = search;
  return {
    ...(search.status && { status: STATUSES[search.status] }),
    ...(search.call && { callType: CALLS[search.call] }),
    ownerId: search.owner ?? "",
    participantId: search.participant ?? "",
    agent: search.agent ?? "",
    entityType: search.entityType ?? "",
    entityId: search.entityId ?? "",
    mode: search.mode ?? "",
    ...timeOf("startTime", search.from),
    ...timeOf("endTime", search.to),
    labels: readPairs(labels) ?? {},
    metadata: readPairs(metadata) ?? {},
    ...(search.pinned && { pinned: true }),
  };
}
