// Follows a turn on whichever server it runs: from memory if it runs here, else from the store.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { readDeltas } from "../../domain/turns/delta-log.ts";
import { readHead } from "../../domain/turns/reply-item.ts";
import { isOpen, TurnState } from "../../domain/turns/turn.ts";
import type { HeldPage, HeldPages } from "../../live/followers/held-pages.ts";
import { nextRecheck } from "../../live/followers/recheck.ts";
import type { Rights } from "../../live/followers/rights.ts";
import type { Hints } from "../../live/hints/hints.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import type { Database } from "../../store/database.ts";
import { type MessageRow, readMessage } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import { turnEntries } from "../../store/turns/entries.ts";
import { type FollowedTurnRow, followTurn, type TurnPlace } from "../../store/turns/turns.ts";
import type { LiveView } from "./live-task.ts";
import type { LiveTurn } from "./live-turn.ts";
import { itemOf, type ReadFrom, type ReadItem, savedItem, TurnReader, type TurnStep } from "./turn-reader.ts";

/** How long what was checked holds for what is told next, in milliseconds: more than the time between two checks. */
const STALE_MS = 3_000;
/** Poll interval of a follower without hints, in milliseconds. */
const POLL_MS = 500;
/** How often a follower's permission is checked again, in milliseconds. */
const RECHECK_MS = 2_000;
/** The same two for a turn that waits, which has no text yet and wakes its followers when it goes on. */
const WAITING_POLL_MS = 10_000;
/** How long a follower retries database access, in milliseconds. */
const PATIENCE_MS = 10_000;

export interface FollowParts {
  readonly database: Database;
  readonly hints: Hints;
  /** The turns that run here. */
  readonly running: ReadonlyMap<string, LiveTurn>;
  /** Asked for those who follow a turn that runs here. */
  readonly rights: Rights;
  /** What followers have read of stored entries and not passed on yet. */
  readonly pages: HeldPages;
}

export interface FollowOptions {
  readonly caller: Caller;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: () => Promise<Caller>;
  readonly id: string;
  readonly from: ReadFrom;
  readonly signal: AbortSignal;
  /** Whether the caller has been told that the turn has started: an error would look like a failure to start. */
  readonly hasStarted?: boolean;
  /** Called once the turn is read. */
  readonly found?: () => void;
}

/**
 * Throws NOT_FOUND for a turn that the caller does not see, or not any more, and what `renew` throws once the caller's
 * credential has ended.
 */
export async function* followSteps(parts: FollowParts, options: FollowOptions): AsyncGenerator<TurnStep> {
  const { database, hints, running, rights } = parts;
  const { caller, renew, id, from, signal, hasStarted = false, found } = options;
  const reader = new TurnReader(from);
  let checkedAt = performance.now();
  const renewed = async () => {
    checkedAt = performance.now();
    return renew();
  };
  const look = async () => followTurn(database, await renewed(), id, offset, signal);
  let offset = "offset" in from ? from.offset : 0;
  const begin = () => followTurn(database, caller, id, offset, signal);
  let row = await patiently(begin, hasStarted ? PATIENCE_MS : 0, signal);
  if (row === undefined) throw notFound("turn");
  found?.();
  const place: TurnPlace = { tenantId: caller.tenantId, conversationId: row.conversation_id, id };
  const topic = { tenantId: place.tenantId, conversationId: place.conversationId };
  const waker = hints.listen({ kind: "turn", ...topic });
  const begun = row.state === TurnState.QUEUED ? hints.listen({ kind: "state", ...topic }) : undefined;
  const access = hints.listen({ kind: "access", ...topic });
  const maySee = async () => rights.sees(await renewed(), place.conversationId, signal);
  // Before each step: whoever was removed hears no word more, and nobody hears one after a long wait unchecked.
  const stillSees = async () => {
    if (!access.woken() && performance.now() - checkedAt < STALE_MS) return;
    if (!(await patiently(maySee, PATIENCE_MS, signal))) throw notFound("turn");
  };
  async function* stored(upto: FollowedTurnRow): AsyncGenerator<TurnStep> {
    for await (const step of readStored(parts, place, reader, upto, signal)) {
      await stillSees();
      yield step;
    }
  }
  // A turn may have a hundred thousand deltas to tell, and a caller that takes them as fast as they come.
  const turns = new Turns();
  let recheckAt = nextRecheck(RECHECK_MS);
  let told: string | null = null;
  try {
    while (isOpen(row.state)) {
      const live = running.get(id);
      const version = live?.version;
      let more = false;
      if (live && !live.view.isOurs) {
        // Another server may have ended it with what was saved: nothing more is told before the store has said so.
      } else if (live) {
        // Read before this server took the turn up again.
        if (row.entry_count < live.view.base) row = (await patiently(look, PATIENCE_MS, signal)) ?? row;
        if (reader.entries < live.view.base) yield* stored(row);
        for (const step of reader.read(itemsOf(live.view, reader.entries, row.deltas !== null))) {
          more = true;
          await stillSees();
          yield step;
          await turns.next();
        }
      } else {
        const before = reader.entries;
        yield* stored(row);
        more = reader.entries > before;
        // What was read of the open entry's text begins at an offset of the one before.
        if (!more || offset === 0) {
          for (const step of reader.read(savedOf(row, offset, reader.entries))) {
            more = true;
            await stillSees();
            yield step;
            await turns.next();
          }
        }
      }
      if (row.state === TurnState.INPUT_REQUIRED && row.pending !== told) {
        told = row.pending;
        yield { kind: "input_required", turn: row, cursor: reader.cursor };
      }
      if (live && !live.finished) {
        const waits = live.waiting;
        await live.grown(version ?? 0, waits ? WAITING_POLL_MS : POLL_MS, signal);
        if (!live.finished && waits === live.waiting) {
          if (performance.now() < recheckAt) continue;
          recheckAt = nextRecheck(waits ? WAITING_POLL_MS : RECHECK_MS);
          // All else of it is in memory; a statement for each of a thousand followers would crowd out other calls.
          if (await patiently(maySee, PATIENCE_MS, signal)) continue;
          throw notFound("turn");
        }
      } else if (begun && row.state === TurnState.QUEUED) {
        await begun.wait(WAITING_POLL_MS, signal);
      } else if (row.state === TurnState.INPUT_REQUIRED) {
        await waker.wait(WAITING_POLL_MS, signal);
      } else if (!more) {
        await waker.wait(POLL_MS, signal);
      }
      offset = reader.within;
      row = await patiently(look, PATIENCE_MS, signal);
      recheckAt = nextRecheck(row?.state === TurnState.INPUT_REQUIRED ? WAITING_POLL_MS : RECHECK_MS);
      if (row === undefined) throw notFound("turn");
    }
  } finally {
    waker.close();
    begun?.close();
    access.close();
  }
  const { reply_seq: replySeq, reply_id: replyId } = row;
  const isListed = reader.asRecorded || row.entry_count > 1 || replySeq === null;
  if (isListed) yield* stored(row);
  const read = async () => readMessage(database, await renewed(), replyId, false, signal);
  const reply = replySeq === null ? undefined : await patiently(read, PATIENCE_MS, signal);
  if (!isListed && reply && reader.entries === 0) yield* reader.read([itemOf(reply)]);
  yield { kind: "ended", turn: row, reply };
}

/** The entries of a turn after those that a reader has, which are not held while the reader is behind others. */
async function* readStored(
  { database, pages }: FollowParts,
  place: TurnPlace,
  reader: TurnReader,
  { last_seq: upto, deltas }: FollowedTurnRow,
  signal: AbortSignal,
): AsyncGenerator<TurnStep> {
  if (upto === null) return;
  const lengths = reader.asRecorded ? readDeltas(deltas ?? "") : undefined;
  const turns = new Turns();
  // In a function of its own: the frame of this one would hold the whole page for as long as the reader takes.
  const hold = async (): Promise<HeldPage<MessageRow> | undefined> => {
    const read = () => turnEntries(database, place, reader.seq, upto, signal);
    const { rows } = await patiently(read, PATIENCE_MS, signal);
    return rows.length === 0 ? undefined : pages.hold(rows);
  };
  while (reader.seq < upto) {
    const page = await hold();
    if (page === undefined) return;
    try {
      for (let row = page.take(); row !== undefined; row = page.take()) {
        for (const step of reader.read([itemOf(row, lengths?.of(reader.entries))])) {
          yield step;
          await turns.next();
        }
      }
    } finally {
      page.release();
    }
  }
}

/**
 * The entries of a turn that runs here, without the first ones. Deltas that are not recorded are not known until the
 * end.
 */
function* itemsOf({ base, items, rows }: LiveView, read: number, recorded: boolean): Generator<ReadItem> {
  for (let index = Math.max(read - base, 0); index < items.length; index++) {
    const item = items[index];
    if (item === undefined) return;
    const row = rows[index];
    if (item.isGiven) {
      if (row !== undefined) yield itemOf(row);
      else return;
    } else {
      const { text, parts, ending } = item;
      const partId = item.head.partId ?? ending?.id;
      const head = partId === undefined ? item.head : { ...item.head, partId };
      const deltaAt = (offset: number) => {
        if (recorded) return text.partAt(offset);
        return row === undefined ? undefined : text.after(offset);
      };
      yield { head, after: (offset) => text.after(offset), deltaAt, parts, row };
    }
  }
}

/** What is saved of the open entry, if anything is. */
function savedOf(row: FollowedTurnRow, offset: number, index: number): ReadItem[] {
  const { text, open_entry: head, reply_id: id, step, deltas } = row;
  if (text === "") return [];
  const lengths = deltas === null ? undefined : readDeltas(deltas).of(index);
  return [savedItem(head === null ? { id, kind: MessageKind.MESSAGE, step } : readHead(head), text, offset, lengths)];
}
