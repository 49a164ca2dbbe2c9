// Follows all conversations that a caller may see.

import { invalidField } from "../../domain/errors.ts";
import { EventType } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Database } from "../../store/database.ts";
import { FEED_DAYS, type FeedRow, feedBounds, noticeEntry, readFeed } from "../../store/feed/feed.ts";
import { type LogEntry, readLog } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import type { FeedTail, FeedTails } from "./feed-tail.ts";
import { PATIENCE_MS } from "./follow-log.ts";
import type { HeldPage } from "./held-pages.ts";
import { FIRST_PAGE, nextLimit } from "./page-limit.ts";

/** A place in the feed: everything before the row at `position` was read, and the entries up to `seq` of that row. */
export interface FeedCursor {
  readonly position: bigint;
  readonly seq: bigint;
}

export interface FeedEntry {
  readonly conversationId: string;
  readonly entry: LogEntry;
}

export interface FeedStep {
  /** Undefined: nothing has happened. */
  readonly item: FeedEntry | undefined;
  readonly cursor: FeedCursor;
}

export interface FollowFeedParts {
  readonly database: Database;
  readonly feeds: FeedTails;
}

const PAGE = 200;
/** How often the caller is authenticated again, in milliseconds. */
const RECHECK_MS = 5_000;

/**
 * Yields a step without an entry, which has the starting cursor. Then every entry after the cursor that the caller may
 * see when it is read, at the caller's pace, and a step without an entry whenever nothing came for `quietMs`.
 * @throws DomainError INVALID_FIELD for a cursor that is too old or of no feed; the signal's reason
 */
export async function* followFeed(
  { database, feeds }: FollowFeedParts,
  caller: () => Promise<Caller>,
  from: FeedCursor | undefined,
  quietMs: number,
  signal: AbortSignal,
): AsyncIterable<FeedStep> {
  let reader = await caller();
  let asked = performance.now();
  const ask = async () => {
    if (performance.now() - asked < RECHECK_MS) return;
    reader = await patiently(caller, PATIENCE_MS, signal);
    asked = performance.now();
  };
  const tail = await feeds.join(reader.tenantId);
  try {
    let cursor = from ?? { position: tail.position, seq: MAX_SEQ };
    if (from) checkCursor(from, await feedBounds(database, reader.tenantId));
    yield { item: undefined, cursor };
    let spoke = performance.now();
    for (;;) {
      signal.throwIfAborted();
      await ask();
      const rows = await nextRows(database, tail, reader.tenantId, cursor, signal);
      for (const row of rows) {
        const rest = {
          ...row,
          after_seq: row.position === cursor.position ? larger(row.after_seq, cursor.seq) : row.after_seq,
        };
        await ask();
        if (row.notice !== null) {
          if (tells(reader, row)) {
            cursor = { position: row.position, seq: row.seq };
            const entry = noticeEntry(row.notice, row.create_time);
            yield { item: { conversationId: row.notice.conversation_id ?? "", entry }, cursor };
            spoke = performance.now();
          }
        } else if (concerns(reader, row)) {
          for await (const entry of entriesOf({ database, feeds }, reader, rest, signal)) {
            cursor = { position: row.position, seq: entry.seq };
            yield { item: { conversationId: row.conversation_id, entry }, cursor };
            spoke = performance.now();
          }
        }
        cursor = { position: row.position, seq: row.seq };
      }
      if (rows.length > 0) continue;
      const quiet = spoke + quietMs - performance.now();
      if (quiet <= 0) {
        yield { item: undefined, cursor };
        spoke = performance.now();
        continue;
      }
      await tail.grown(Math.min(quiet, RECHECK_MS), signal);
    }
  } finally {
    tail.leave();
  }
}

/** Larger than any `seq`: everything of that row was read. */
export const MAX_SEQ = 2n ** 63n - 1n;

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function checkCursor({ position, seq }: FeedCursor, bounds: { position: bigint; trimmed: bigint }): void {
  if (position < bounds.trimmed || (position === bounds.trimmed && seq !== MAX_SEQ)) {
    throw invalidField("cursor", `is older than ${FEED_DAYS} days; begin again without it`, "cursor.expired");
  }
  if (position > bounds.position) {
    throw invalidField("cursor", "is not a cursor of this tenant; begin again without it", "cursor.unknown");
  }
}

/** The rows from the cursor's on that were not read. */
export async function nextRows(
  database: Database,
  tail: FeedTail,
  tenantId: string,
  cursor: FeedCursor,
  signal: AbortSignal,
): Promise<readonly FeedRow[]> {
  const kept = cursor.seq === MAX_SEQ ? tail.after(cursor.position) : tail.after(cursor.position - 1n);
  const read = () => readFeed(database, tenantId, cursor.position, PAGE);
  const rows = kept ?? (await patiently(read, PATIENCE_MS, signal));
  return rows.filter(({ position, seq }) => position > cursor.position || seq > cursor.seq);
}

/** Whether the caller might see the conversation; false only if it certainly does not. */
function concerns({ viewer }: Caller, { members }: FeedRow): boolean {
  return viewer.kind !== "member" || members.includes(viewer.memberId);
}

/** Whether the caller gets a notice. Members no longer see a conversation that was purged: it was deleted before. */
function tells({ viewer }: Caller, { notice }: FeedRow): boolean {
  return viewer.kind === "tenant" && notice?.type === EventType.CONVERSATION_PURGED;
}

/**
 * The entries of a row of the feed, which are not held while the reader is behind others; none if the caller does not
 * see the conversation.
 */
async function* entriesOf(
  { database, feeds }: FollowFeedParts,
  reader: Caller,
  { conversation_id, after_seq, seq }: FeedRow,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  let after = after_seq;
  let most = FIRST_PAGE;
  const options = { signal, showDeleted: true, isHeld: true };
  // In functions of their own: the frame of this one would hold the whole page for as long as the reader takes.
  const hold = async (): Promise<HeldPage<LogEntry> | undefined> => {
    const limit = Number(seq - after < most ? seq - after : most);
    const read = () => readLog(database, reader, conversation_id, after, limit, options);
    const entries = await patiently(read, PATIENCE_MS, signal);
    if (entries === undefined || entries.length === 0) return undefined;
    most = nextLimit(entries);
    return feeds.pages.hold(entries);
  };
  while (after < seq) {
    const page = await hold();
    if (page === undefined) return;
    try {
      for (let entry = page.take(); entry !== undefined; entry = page.take()) {
        after = entry.seq;
        yield entry;
      }
    } finally {
      page.release();
    }
  }
}
