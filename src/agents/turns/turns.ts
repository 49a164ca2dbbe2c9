// All turns from this server's view: running here, running on other servers, and abandoned.
import type { Logger } from "pino";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import { codePoints, fromCodePoint, type TextPart } from "../../domain/turns/reply-text.ts";
import { FinishReason, isOpen, TURN_TIMES, TurnState, type TurnTimes } from "../../domain/turns/turn.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import { type MessageRow, readMessage } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import {
  abandonedTurns,
  endTurn,
  followTurn,
  isTurnOpen,
  requestCancel,
  type TurnLease,
  type TurnPlace,
  type TurnRow,
} from "../../store/turns/turns.ts";
import { warnSparingly } from "../../telemetry/warn-rarely.ts";
import type { Connectors } from "../connectors/connectors.ts";
import { withTimeout } from "../with-timeout.ts";
import { LeaseTrust } from "./lease-trust.ts";
import { LiveTurn, type LiveTurnTask } from "./live-turn.ts";
import { WaitingTurns } from "./waiting-turns.ts";

/** A step of a turn, for a caller that follows it. */
export type TurnStep =
  | { readonly kind: "delta"; readonly part: TextPart }
  | { readonly kind: "ended"; readonly turn: TurnRow; readonly reply: MessageRow | undefined };

export interface Turns {
  /** The lease for a new turn. */
  readonly lease: TurnLease;
  /** Starts a turn that has just been stored, in the background. */
  run(task: LiveTurnTask): void;
  /**
   * Follows a turn from an offset. Calls `found` once it is read; if it does not exist, throws the NOT_FOUND of
   * `missing`.
   */
  follow(
    caller: Caller,
    id: string,
    offset: number,
    signal: AbortSignal,
    missing: () => Error,
    found?: () => void,
  ): AsyncIterable<TurnStep>;
  /** Cancels a turn on whichever server it runs, and keeps its text. Resolves when it has ended. */
  cancel(place: TurnPlace): Promise<void>;
  /** Ends a turn whose server appears to be dead. */
  endAbandoned(place: TurnPlace): Promise<void>;
  /** Ends the turns running here, keeps their text, and stops checking those of other servers. Takes at most 8 s. */
  close(): Promise<void>;
}

export interface TurnsOptions {
  readonly database: Database;
  readonly hints: Hints;
  readonly connectors: Connectors;
  readonly log: Logger;
  /** Default: {@link TURN_TIMES}. */
  readonly times?: TurnTimes;
}

/** Poll interval of a follower without hints, in milliseconds. */
const POLL_MS = 500;
/** How often a follower's permission is checked again, in milliseconds. */
const RECHECK_MS = 2_000;
/** The same two for a queued turn, which has no text yet and wakes its followers when it begins. */
const WAITING_POLL_MS = 10_000;
/** How long a follower retries database access, in milliseconds. */
const PATIENCE_MS = 10_000;
/** How long a stopping server waits until the ends of its turns are written, in milliseconds; other servers end the rest. */
const CLOSE_MS = 8_000;
/** How long another server has to end a cancelled turn, in milliseconds. */
const CANCEL_PATIENCE_MS = 2_000;

export function createTurns(options: TurnsOptions): Turns {
  const { database, hints, connectors, log, times = TURN_TIMES } = options;
  const server = newId();
  const running = new Map<string, LiveTurn>();
  const trust = new LeaseTrust(times.leaseMs, times.renewEveryMs);
  const waiting = new WaitingTurns({ database, hints, times, log });
  const givingUp = new AbortController();
  const parts = { database, hints, connectors, waiting, times, server, log, givingUp: givingUp.signal };

  /** Publishes that a turn has ended. */
  function tell({ tenantId, conversationId }: TurnPlace): void {
    hints.publish({ kind: "turn", tenantId, conversationId });
    hints.publish({ kind: "state", tenantId, conversationId });
  }

  async function endAbandoned(place: TurnPlace): Promise<void> {
    if (running.has(place.id) || !trust.holds) return;
    const failure = "the server that ran the turn is gone";
    const ended = await endTurn(database, place, {
      state: TurnState.FAILED,
      failure,
      finish: FinishReason.ERROR,
      text: undefined,
      onlyIfExpired: true,
    });
    if (ended) tell(place);
  }

  const warn = warnSparingly(log, "could not check the turns of other servers");
  let looking = false;
  async function sweep(): Promise<void> {
    if (looking) return;
    looking = true;
    const since = performance.now();
    try {
      const abandoned = await abandonedTurns(database);
      trust.answered(since);
      for (const place of abandoned) await endAbandoned(place);
    } catch (error) {
      trust.failed();
      warn(error);
    } finally {
      looking = false;
    }
  }
  const sweeping = setInterval(sweep, times.sweepEveryMs);
  sweeping.unref();

  async function* follow(
    caller: Caller,
    id: string,
    from: number,
    signal: AbortSignal,
    missing: () => Error,
    found = () => {},
  ) {
    let offset = from;
    const look = () => followTurn(database, caller, id, offset, signal);
    // For the call that has just started the turn, a read error would look like a failure to start.
    let row = await patiently(look, running.has(id) ? PATIENCE_MS : 0, signal);
    if (row === undefined) throw missing();
    found();
    const { tenantId } = caller;
    const place = { tenantId, conversationId: row.conversation_id };
    const waker = hints.listen({ kind: "turn", ...place });
    const begun = row.state === TurnState.QUEUED ? hints.listen({ kind: "state", ...place }) : undefined;
    let checked = performance.now();
    try {
      while (isOpen(row.state)) {
        const live = running.get(id);
        const part = live ? live.after(offset) : partOf(row.text, offset);
        if (part) {
          offset = part.nextOffset;
          yield { kind: "delta", part } as const;
        }
        if (live && !live.finished) {
          const waits = live.waiting;
          await live.grown(offset, waits ? WAITING_POLL_MS : POLL_MS, signal);
          const due = performance.now() - checked >= (waits ? WAITING_POLL_MS : RECHECK_MS);
          if (!live.finished && waits === live.waiting && !due) continue;
        } else if (begun && row.state === TurnState.QUEUED) {
          await begun.wait(WAITING_POLL_MS, signal);
        } else if (!part) {
          await waker.wait(POLL_MS, signal);
        }
        row = await patiently(look, PATIENCE_MS, signal);
        checked = performance.now();
        if (row === undefined) throw missing();
      }
    } finally {
      waker.close();
      begun?.close();
    }
    const { reply_seq: replySeq, reply_id: replyId } = row;
    const read = () => readMessage(database, caller, replyId, false, signal);
    const reply = replySeq === null ? undefined : await patiently(read, PATIENCE_MS, signal);
    const part = reply && partOf(fromCodePoint(reply.content, offset), offset);
    if (part) yield { kind: "delta", part } as const;
    yield { kind: "ended", turn: row, reply } as const;
  }

  async function cancel(place: TurnPlace): Promise<void> {
    const live = running.get(place.id);
    if (live) {
      live.cancel();
      return live.done;
    }
    const { tenantId, conversationId } = place;
    const waker = hints.listen({ kind: "turn", tenantId, conversationId });
    try {
      await requestCancel(database, place);
      hints.publish({ kind: "cancel", tenantId, conversationId });
      const until = performance.now() + CANCEL_PATIENCE_MS;
      while (performance.now() < until && (await isTurnOpen(database, place))) await waker.wait(100);
    } finally {
      waker.close();
    }
    // Its server does not respond: the saved text is kept.
    const finish = FinishReason.CANCELLED;
    await endTurn(database, place, { state: TurnState.CANCELLED, failure: "", finish, text: undefined });
    tell(place);
  }

  return {
    lease: { server, leaseMs: times.leaseMs },
    run(task) {
      const live = new LiveTurn(parts, task);
      running.set(task.place.id, live);
      void live.done.finally(() => running.delete(task.place.id));
    },
    follow,
    cancel,
    endAbandoned,
    async close() {
      clearInterval(sweeping);
      for (const live of running.values()) live.interrupt();
      const all = Promise.all([...running.values()].map(({ done }) => done));
      await withTimeout(all, CLOSE_MS, new AbortController().signal);
      givingUp.abort();
      waiting.close();
    },
  };
}

function partOf(text: string, offset: number): TextPart | undefined {
  return text === "" ? undefined : { text, offset, nextOffset: offset + codePoints(text) };
}
