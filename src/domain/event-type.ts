// The stored kinds of log entries that are not messages. Numbers are never reused.
import { SERVER } from "./identity/actor.ts";

export const EventType = {
  /** How a message itself appears in the merged log; never stored as an event. */
  MESSAGE_SENT: 0,
  MESSAGE_EDITED: 1,
  MESSAGE_DELETED: 2,
  MESSAGE_RESTORED: 3,
  ALL_MESSAGES_DELETED: 4,
  ALL_MESSAGES_RESTORED: 5,
  PARTICIPANT_ADDED: 6,
  PARTICIPANT_REMOVED: 7,
  READ_MARKED: 8,
  CONVERSATION_UPDATED: 9,
  CONVERSATION_DELETED: 10,
  CONVERSATION_RESTORED: 11,
  BRANCH_SELECTED: 20,
  REACTION_ADDED: 30,
  REACTION_REMOVED: 31,
  FILE_DELETED: 40,
  /** From here on: notices, which are in the feed alone; see store/feed/notices.ts. */
  CONVERSATION_PURGED: 100,
  ENDPOINT_DISABLED: 101,
  /** Sent to one endpoint, never stored. */
  ENDPOINT_TEST: 102,
} as const;

export type EventType = (typeof EventType)[keyof typeof EventType];

/** An entry to be written. `data` holds ids and numbers, never content. */
export type NewEvent =
  | { readonly type: typeof EventType.MESSAGE_EDITED; readonly data: MessageReference & { readonly revision: number } }
  | { readonly type: typeof EventType.MESSAGE_DELETED; readonly data: MessageReference }
  | { readonly type: typeof EventType.MESSAGE_RESTORED; readonly data: MessageReference }
  | { readonly type: typeof EventType.ALL_MESSAGES_DELETED; readonly data: { readonly count: number } }
  | { readonly type: typeof EventType.ALL_MESSAGES_RESTORED; readonly data: { readonly count: number } }
  | { readonly type: typeof EventType.PARTICIPANT_ADDED; readonly data: { readonly member_id: string } }
  | { readonly type: typeof EventType.PARTICIPANT_REMOVED; readonly data: { readonly member_id: string } }
  | {
      readonly type: typeof EventType.READ_MARKED;
      readonly data: { readonly member_id: string; readonly read_seq: number };
    }
  | { readonly type: typeof EventType.CONVERSATION_UPDATED; readonly data: { readonly fields: readonly string[] } }
  | { readonly type: typeof EventType.CONVERSATION_DELETED; readonly data: Record<string, never> }
  | { readonly type: typeof EventType.CONVERSATION_RESTORED; readonly data: Record<string, never> }
  | { readonly type: typeof EventType.BRANCH_SELECTED; readonly data: MessageReference }
  | {
      readonly type: typeof EventType.REACTION_REMOVED;
      readonly data: MessageReference & { readonly reaction: string };
    };

export interface MessageReference {
  readonly message_id: string;
  /** Far below 2^53: a conversation would take centuries to get there. */
  readonly message_seq: number;
}

/** What is put to a conversation, or reaches it from elsewhere, without changing it or what was said in it. */
const MARKS: ReadonlySet<number> = new Set([
  EventType.READ_MARKED,
  EventType.REACTION_ADDED,
  EventType.REACTION_REMOVED,
  EventType.FILE_DELETED,
]);

/**
 * Whether an event is activity in its conversation, which moves `update_time` and the place in lists: somebody changed
 * the conversation or what was said in it. What the server does by itself, such as retention and erasure, is not.
 */
export function isActivity(type: number, actor: string): boolean {
  return !MARKS.has(type) && actor !== SERVER;
}

/** The entries after which others may see the conversation than before. */
export const ACCESS_CHANGES: ReadonlySet<number> = new Set([
  EventType.PARTICIPANT_ADDED,
  EventType.PARTICIPANT_REMOVED,
  EventType.CONVERSATION_UPDATED,
  EventType.CONVERSATION_DELETED,
  EventType.CONVERSATION_RESTORED,
]);
