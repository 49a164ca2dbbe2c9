// Follows the log of one conversation for one reader.
import type { Caller } from "../domain/caller.ts";
import { ACCESS_CHANGES, EventType } from "../domain/event-type.ts";
import { patiently } from "../rpc/patience.ts";
import type { Database } from "../store/database.ts";
import { type LogEntry, readLog } from "../store/messages.ts";
import type { LogTail, LogTails } from "./log-tail.ts";

/** Entries that are read at a time: as many as make up some text, for a reader that does not read holds on to them. */
const FIRST_PAGE = 16;
const LONGEST_PAGE = 100;
const PAGE_CHARACTERS = 512 * 1024;
/**
 * How often it is asked anew whether the reader may see the conversation, though its log says nothing, in milliseconds.
 * Up to a fifth less, so that many who began together do not ask together.
 */
const RECHECK_MS = 5_000;
/** How long a reader that is under way waits for a database that is busy or away, in milliseconds. */
export const PATIENCE_MS = 60_000;

export interface FollowParts {
  readonly database: Database;
  readonly tails: LogTails;
}

/**
 * The entries after a place, in order, then whatever comes, at the reader's pace. Undefined: nothing came for `quietMs`.
 * The conversation must be visible and not deleted when it begins.
 * Ends when the reader may not see the conversation any more, or it was deleted. Throws the signal's reason.
 * @param caller who reads, asked for again and again: what it may see may change
 */
export async function* followLog(
  { database, tails }: FollowParts,
  caller: () => Promise<Caller>,
  conversationId: string,
  from: bigint,
  quietMs: number,
  signal: AbortSignal,
): AsyncIterable<LogEntry | undefined> {
  let after = from;
  let tail: LogTail | undefined;
  let limit = FIRST_PAGE;
  let deletion = false;
  let spoke = Date.now();
  const recheckMs = RECHECK_MS * (1 - Math.random() / 5);
  try {
    for (;;) {
      const checked = Date.now();
      const reader = await patiently(caller, PATIENCE_MS, signal);
      const read = () => readLog(database, reader, conversationId, after, limit, { signal, showDeleted: true });
      const page = await patiently(read, PATIENCE_MS, signal);
      if (page === undefined) return;
      for (const entry of page) {
        after = entry.seq;
        deletion ||= entry.type === EventType.CONVERSATION_DELETED;
        yield entry;
        spoke = Date.now();
      }
      if (page.length === limit) {
        limit = nextLimit(page);
        continue;
      }
      // A log that ends with the conversation's deletion is read to its end, and no further.
      const look = () => readLog(database, reader, conversationId, after, 1, { signal });
      if (deletion && (await patiently(look, PATIENCE_MS, signal)) === undefined) return;
      deletion = false;
      tail ??= tails.join(reader.tenantId, conversationId, after);
      for (;;) {
        const entries = tail.after(after);
        if (entries === undefined || Date.now() - checked >= recheckMs) break;
        // What the entries say of who may see the conversation holds for them too.
        if (entries.some(({ type }) => ACCESS_CHANGES.has(type))) break;
        for (const entry of entries) {
          after = entry.seq;
          yield entry;
          spoke = Date.now();
        }
        if (entries.length > 0) continue;
        const quiet = spoke + quietMs - Date.now();
        if (quiet <= 0) {
          yield undefined;
          spoke = Date.now();
          continue;
        }
        await tail.grown(Math.min(quiet, checked + recheckMs - Date.now()), signal);
      }
    }
  } finally {
    tail?.leave();
  }
}

function nextLimit(page: readonly LogEntry[]): number {
  const characters = page.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  const fitting = Math.floor((PAGE_CHARACTERS * page.length) / Math.max(characters, 1));
  return Math.min(Math.max(fitting, 1), page.length * 2, LONGEST_PAGE);
}
