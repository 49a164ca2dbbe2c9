// Follows the log of one conversation for one reader.
import type { Caller } from "../../domain/caller.ts";
import { ACCESS_CHANGES, EventType } from "../../domain/event-type.ts";
import { type AnswerSink, type PushedAnswers, pushed } from "../../pipeline/push-stream.ts";
import type { Database } from "../../store/database.ts";
import { areCut } from "../../store/driver/row-budget.ts";
import { type LogEntry, readLog } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import type { LogTail, LogTails } from "./log-tail.ts";
import type { Rights } from "./rights.ts";

/** Entries that are read at a time: as many as make up some text, for a reader that does not read holds on to them. */
const FIRST_PAGE = 16;
const LONGEST_PAGE = 100;
const PAGE_CHARACTERS = 512 * 1024;
/**
 * How often it is asked anew whether the reader may see the conversation, though its log says nothing, in milliseconds.
 * Up to a fifth less, so that thousands who began together do not all ask together, and then less by a part of a slot, so
 * that those who ask at about one time do ask together.
 */
const RECHECK_MS = 5_000;
const RECHECK_SLOT_MS = 250;
/** How long a reader that is under way waits for a database that is busy or away, in milliseconds. */
export const PATIENCE_MS = 60_000;

export interface FollowParts {
  readonly database: Database;
  readonly tails: LogTails;
  readonly rights: Rights;
}

/**
 * The entries after a place, in order, then whatever comes, at the reader's pace. Undefined: nothing came for `quietMs`.
 * The conversation must be visible and not deleted when it begins.
 * Ends when the reader may not see the conversation any more, or it was deleted. Throws the signal's reason.
 * @param caller who reads, asked for again and again: what it may see may change
 */
export function followLog(
  parts: FollowParts,
  caller: () => Promise<Caller>,
  conversationId: string,
  from: bigint,
  quietMs: number,
  signal: AbortSignal,
): PushedAnswers<LogEntry | undefined> {
  return pushed((sink) => {
    const either = AbortSignal.any([signal, sink.signal]);
    return follow(parts, caller, conversationId, from, quietMs, either, sink);
  });
}

async function follow(
  { database, tails, rights }: FollowParts,
  caller: () => Promise<Caller>,
  conversationId: string,
  from: bigint,
  quietMs: number,
  signal: AbortSignal,
  sink: AnswerSink<LogEntry | undefined>,
): Promise<void> {
  let after = from;
  let tail: LogTail | undefined;
  let tenantId = "";
  let limit = FIRST_PAGE;
  let recheckAt = nextRecheck();
  let spoke = performance.now();
  let hasRoom = true;
  const read = async (count: number, showDeleted: boolean) => {
    const reader = await caller();
    tenantId = reader.tenantId;
    return readLog(database, reader, conversationId, after, count, { signal, showDeleted });
  };
  const maySee = async () => rights.sees(await caller(), conversationId, signal);
  const put = (entries: readonly LogEntry[]) => {
    after = entries.at(-1)?.seq ?? after;
    spoke = performance.now();
    hasRoom = sink.put(entries);
    return hasRoom;
  };
  // At the end of the log entries come by themselves; what asks for more than to be handed on is left to the loop below.
  const take = (entries: readonly LogEntry[]) => !entries.some(changesAccess) && put(entries);
  try {
    for (;;) {
      if (!hasRoom) await sink.room();
      hasRoom = true;
      signal.throwIfAborted();
      const kept = tail?.after(after);
      const recheck = performance.now() >= recheckAt;
      if (kept === undefined || recheck) recheckAt = nextRecheck();
      // What entries say of who may see the conversation holds for them too.
      const asks = kept !== undefined && (recheck || kept.some(changesAccess));
      if (asks && !(await patiently(maySee, PATIENCE_MS, signal))) return;
      const entries = kept ?? (await patiently(() => read(limit, true), PATIENCE_MS, signal));
      if (entries === undefined) return;
      if (entries.length > 0) put(entries);
      if (kept === undefined && (entries.length === limit || areCut(entries))) {
        limit = nextLimit(entries);
        continue;
      }
      // A log that ends with the conversation's deletion is read to its end, and no further.
      const deletion = entries.some(({ type }) => type === EventType.CONVERSATION_DELETED);
      if (deletion && (await patiently(() => read(1, false), PATIENCE_MS, signal)) === undefined) return;
      tail ??= tails.join(tenantId, conversationId, after);
      if (entries.length > 0) continue;
      const quiet = spoke + quietMs - performance.now();
      if (quiet <= 0) {
        hasRoom = sink.put(QUIET);
        spoke = performance.now();
      } else {
        await tail.deliver(after, take, Math.min(quiet, recheckAt - performance.now()), signal);
      }
    }
  } finally {
    tail?.leave();
  }
}

const QUIET = [undefined];

/** When, by the clock of `performance.now()`. */
function nextRecheck(): number {
  const latest = performance.now() + RECHECK_MS * (1 - Math.random() / 5);
  return Math.floor(latest / RECHECK_SLOT_MS) * RECHECK_SLOT_MS;
}

function changesAccess({ type }: LogEntry): boolean {
  return ACCESS_CHANGES.has(type);
}

function nextLimit(page: readonly LogEntry[]): number {
  const characters = page.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  const fitting = Math.floor((PAGE_CHARACTERS * page.length) / Math.max(characters, 1));
  return Math.min(Math.max(fitting, 1), page.length * 2, LONGEST_PAGE);
}
