// An entry as an endpoint may get it, and whether it does.
import { EventType } from "../../domain/event-type.ts";
import { eventName, eventTypeNamed } from "../../domain/webhooks/event-names.ts";
import { type FeedRow, noticeEntry } from "../../store/feed/feed.ts";
import type { LogEntry } from "../../store/messages/messages.ts";
import type { EndpointRow } from "../../store/webhooks/endpoints.ts";
import type { ConversationTraits } from "../../store/webhooks/entries.ts";
import type { SinkEvent } from "../sinks/sink.ts";

/** Writes an entry of a conversation's log as the JSON of an `Event`. */
export type Encode = (entry: LogEntry, conversationId: string) => string;

export interface ReadEntry extends SinkEvent {
  readonly type: number;
  readonly seq: bigint;
  /** What filters go by; undefined: the entry is of no conversation. */
  readonly traits: ConversationTraits | undefined;
  /** The endpoint that a notice is about. */
  readonly endpointId: string | undefined;
  /** Whether it is in a log, from which it can be read again. */
  readonly rereadable: boolean;
  /** Of its content, in characters. */
  readonly contentLength: number;
  /** When it was read, in milliseconds of `performance.now()`. */
  readonly readAt: number;
}

export function readEntry(
  encode: Encode,
  conversationId: string,
  entry: LogEntry,
  traits: ConversationTraits | undefined,
): ReadEntry {
  let json: string | undefined;
  const { type, seq, data } = entry;
  const endpointId = typeof data?.endpoint_id === "string" ? data.endpoint_id : undefined;
  return {
    id: conversationId === "" ? `${endpointId}-${entry.create_time.getTime()}` : `${conversationId}-${seq}`,
    endpointId,
    type,
    seq,
    conversationId,
    traits,
    name: eventName(type),
    rereadable: type < FIRST_NOTICE,
    contentLength: (entry.content?.length ?? 0) + (entry.parts?.length ?? 0),
    readAt: performance.now(),
    // Encoded once for all endpoints, and only if one gets it.
    get json() {
      json ??= encode(entry, conversationId);
      return json;
    },
  };
}

/** The entry of a row of the feed that is a notice. */
export function readNotice(encode: Encode, { notice, create_time }: FeedRow): ReadEntry | undefined {
  if (notice === null) return undefined;
  const { conversation_id, owner_id = null, agent = "", entity_type = "", mode = "" } = notice;
  const entry = noticeEntry(notice, create_time);
  if (conversation_id === undefined) return readEntry(encode, "", entry, undefined);
  return readEntry(encode, conversation_id, entry, { owner_id, agent, entity_type, mode });
}

const FIRST_NOTICE = EventType.CONVERSATION_PURGED;

/** Whether an endpoint gets an entry. */
export type Wants = (entry: ReadEntry) => boolean;

export function wantsOf(endpoint: EndpointRow): Wants {
  const types = new Set(endpoint.event_types.map(eventTypeNamed));
  const { conversation_id, owner_id, agent, entity_type, mode } = endpoint;
  return (entry) => {
    if (types.size > 0 && !types.has(entry.type)) return false;
    if (entry.endpointId === endpoint.id) return false;
    const { traits } = entry;
    if (traits === undefined) return true;
    return (
      (conversation_id === null || conversation_id === entry.conversationId) &&
      (owner_id === null || owner_id === traits.owner_id) &&
      (agent === null || agent === traits.agent) &&
      (entity_type === null || entity_type === traits.entity_type) &&
      (mode === null || mode === traits.mode)
    );
  };
}
