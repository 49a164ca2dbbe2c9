// What entries of the feed mean for the messages on the page.
import type { Event } from "../../../../gen/colloquy/v1/event_pb.ts";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";

export interface LogChanges {
  /** As they are now. */
  readonly messages: readonly Message[];
  /** Of messages to read again. */
  readonly ids: ReadonlySet<string>;
  /** Whether another branch is live, or all messages have changed. */
  readonly isOther: boolean;
  /** Whether something else than messages has changed. */
  readonly hasMore: boolean;
}

export function changesOf(events: readonly Event[]): LogChanges {
  const messages: Message[] = [];
  const ids = new Set<string>();
  let isOther = false;
  let hasMore = false;
  for (const { change } of events) {
    switch (change.case) {
      case "messageSent":
        // One that follows an earlier entry begins another branch.
        if (change.value.parentId === "") messages.push(change.value);
        else isOther = true;
        // The message that it replies to counts one more.
        if (change.value.replyTo !== "") ids.add(change.value.replyTo);
        break;
      case "messageEdited":
      case "messageRestored":
        ids.add(change.value.message?.id ?? "");
        break;
      case "messageDeleted":
      case "reactionAdded":
      case "reactionRemoved":
        ids.add(change.value.messageId);
        break;
      case "allMessagesDeleted":
      case "allMessagesRestored":
      case "branchSelected":
        isOther = true;
        break;
      default:
        hasMore = true;
    }
  }
  return { messages, ids, isOther, hasMore };
}
