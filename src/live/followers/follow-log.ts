// Follows the log of one conversation for one caller.

import { ACCESS_CHANGES, EventType } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { type PushSink, type PushStream, pushed } from "../../pipeline/streams/push-stream.ts";
import type { Database } from "../../store/database.ts";
import { areCut } from "../../store/driver/row-budget.ts";
import { type LogEntry, readLog } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import type { KeptSignal, SignalTaker } from "../signals/signal.ts";
import type { LogTail, LogTails } from "./log-tail.ts";
import { FIRST_PAGE, nextLimit } from "./page-limit.ts";
import { nextRecheck } from "./recheck.ts";
import type { Rights } from "./rights.ts";

/** How often visibility is checked again on an idle log, in milliseconds. */
const RECHECK_MS = 5_000;
/** How long an open stream retries while the database is busy or unavailable, in milliseconds. */
export const PATIENCE_MS = 60_000;

export interface FollowParts {
  readonly database: Database;
  readonly tails: LogTails;
  readonly rights: Rights;
}

/**
 * Yields the entries after a place, in order, then new ones, at the reader's pace. Undefined: nothing came for
 * `quietMs`. The conversation must be visible and not deleted at the beginning. Ends when it is no longer visible, or
 * was deleted. Throws the signal's reason.
 * @param caller returns the caller, repeatedly: its permissions may change
 * @param signals gets signals too, at the reader's pace: what comes while there is no room is dropped once it is over
 */
export function followLog(
  parts: FollowParts,
  caller: () => Promise<Caller>,
  conversationId: string,
  from: bigint,
  quietMs: number,
  signal: AbortSignal,
  signals?: SignalTaker,
): PushStream<LogEntry | undefined> {
  return pushed((sink) => {
    const either = AbortSignal.any([signal, sink.signal]);
    return follow(parts, caller, conversationId, from, quietMs, either, sink, signals);
  });
}

async function follow(
  { database, tails, rights }: FollowParts,
  caller: () => Promise<Caller>,
  conversationId: string,
  from: bigint,
  quietMs: number,
  signal: AbortSignal,
  sink: PushSink<LogEntry | undefined>,
  signals: SignalTaker | undefined,
): Promise<void> {
  let after = from;
  let tail: LogTail | undefined;
  let tenantId = "";
  let limit = FIRST_PAGE;
  let recheckAt = nextRecheck(RECHECK_MS);
  let spoke = performance.now();
  let hasRoom = true;
  const read = async (count: number, showDeleted: boolean) => {
    const reader = await caller();
    tenantId = reader.tenantId;
    return readLog(database, reader, conversationId, after, count, { signal, showDeleted, isHeld: true });
  };
  const maySee = async () => rights.sees(await caller(), conversationId, signal);
  const put = (entries: readonly LogEntry[]) => {
    after = entries.at(-1)?.seq ?? after;
    spoke = performance.now();
    hasRoom = sink.put(entries);
    return hasRoom;
  };
  // At the end of the log, entries are pushed; those that may change visibility are left to the loop below.
  const take = (entries: readonly LogEntry[]) => !entries.some(changesAccess) && put(entries);
  const takeSignals = (some: readonly KeptSignal[]) => {
    hasRoom = signals?.take(some) ?? true;
    return hasRoom;
  };
  const signalReader = signals && { number: 0, take: takeSignals };
  // Whether there may be more. In a function of its own, whose page is held no longer than it takes to put it: the
  // frame of one that waits for room would hold it too, and all that is made of it.
  const step = async (): Promise<boolean> => {
    const kept = tail?.after(after);
    const recheck = performance.now() >= recheckAt;
    if (kept === undefined || recheck) recheckAt = nextRecheck(RECHECK_MS);
    // An entry that changes visibility applies to itself too.
    const asks = kept !== undefined && (recheck || kept.some(changesAccess));
    if (asks && !(await patiently(maySee, PATIENCE_MS, signal))) return false;
    const entries = kept ?? (await patiently(() => read(limit, true), PATIENCE_MS, signal));
    if (entries === undefined) return false;
    if (entries.length > 0) put(entries);
    if (kept === undefined && (entries.length === limit || areCut(entries))) {
      limit = nextLimit(entries);
      return true;
    }
    // The log of a deleted conversation is read up to the deletion.
    const deletion = entries.some(({ type }) => type === EventType.CONVERSATION_DELETED);
    if (deletion && (await patiently(() => read(1, false), PATIENCE_MS, signal)) === undefined) return false;
    tail ??= tails.join(tenantId, conversationId, after);
    if (entries.length > 0) return true;
    const quiet = spoke + quietMs - performance.now();
    if (quiet <= 0) {
      hasRoom = sink.put(QUIET);
      spoke = performance.now();
    } else {
      // The time of the recheck may have come during this step: a timer takes no negative time.
      const rest = Math.max(0, Math.min(quiet, recheckAt - performance.now()));
      await tail.deliver(after, take, rest, signal, signalReader);
    }
    return true;
  };
  try {
    do {
      if (!hasRoom) await sink.room();
      hasRoom = true;
      signal.throwIfAborted();
    } while (await step());
  } finally {
    tail?.leave();
  }
}

const QUIET = [undefined];

function changesAccess({ type }: LogEntry): boolean {
  return ACCESS_CHANGES.has(type);
}
