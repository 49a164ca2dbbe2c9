// Selects the entries of a log that belong to one message and its replies.
import { EventType } from "../../domain/event-type.ts";
import type { LogEntry } from "../../store/messages/messages.ts";

/** Entries that concern every thread. */
const OF_ALL: ReadonlySet<number> = new Set([
  EventType.ALL_MESSAGES_DELETED,
  EventType.ALL_MESSAGES_RESTORED,
  EventType.CONVERSATION_DELETED,
  EventType.CONVERSATION_RESTORED,
]);

/** Follows a thread in a log that may be busy with others. */
export class Thread {
  readonly #root: string;
  readonly #quietMs: number;
  #spoke = performance.now();

  /** @param quietMs after how many milliseconds without an entry a sign of life is due */
  constructor(messageId: string, quietMs: number) {
    this.#root = messageId.toLowerCase();
    this.#quietMs = quietMs;
  }

  of(entries: readonly LogEntry[]): LogEntry[] {
    const found = entries.filter(
      ({ type, message_id, reply_to }) => message_id === this.#root || reply_to === this.#root || OF_ALL.has(type),
    );
    if (found.length > 0) this.#spoke = performance.now();
    return found;
  }

  /** Whether a sign of life is due, which is then taken to be given. */
  isQuiet(): boolean {
    if (performance.now() - this.#spoke < this.#quietMs) return false;
    this.#spoke = performance.now();
    return true;
  }
}
