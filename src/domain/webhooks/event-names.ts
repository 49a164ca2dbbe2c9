// The names of kinds of events, as webhook endpoints choose them.
import { EventType } from "../event-type.ts";

const NAMES: Readonly<Record<string, number>> = {
  "message.sent": EventType.MESSAGE_SENT,
  "message.edited": EventType.MESSAGE_EDITED,
  "message.deleted": EventType.MESSAGE_DELETED,
  "message.restored": EventType.MESSAGE_RESTORED,
  "messages.deleted": EventType.ALL_MESSAGES_DELETED,
  "messages.restored": EventType.ALL_MESSAGES_RESTORED,
  "participant.added": EventType.PARTICIPANT_ADDED,
  "participant.removed": EventType.PARTICIPANT_REMOVED,
  "read.marked": EventType.READ_MARKED,
  "conversation.updated": EventType.CONVERSATION_UPDATED,
  "conversation.deleted": EventType.CONVERSATION_DELETED,
  "conversation.restored": EventType.CONVERSATION_RESTORED,
  "branch.selected": EventType.BRANCH_SELECTED,
  "reaction.added": EventType.REACTION_ADDED,
  "reaction.removed": EventType.REACTION_REMOVED,
  "file.deleted": EventType.FILE_DELETED,
  "conversation.purged": EventType.CONVERSATION_PURGED,
  "endpoint.disabled": EventType.ENDPOINT_DISABLED,
};

const BY_NUMBER = new Map(
  [...Object.entries(NAMES), ["endpoint.test", EventType.ENDPOINT_TEST] as const].map(([name, type]) => [type, name]),
);

export const EVENT_NAMES: readonly string[] = Object.keys(NAMES);

/** Undefined: no kind has the name. */
export function eventTypeNamed(name: string): number | undefined {
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}

/** Of a kind that is not known here: `event`. */
export function eventName(type: number): string {
  return BY_NUMBER.get(type) ?? "event";
}
