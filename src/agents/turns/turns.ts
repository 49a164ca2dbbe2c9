// All turns from this server's view: running here, running on other servers, and abandoned.
import type { Logger } from "pino";
import { newId } from "../../domain/ids/id.ts";
import { TURN_TIMES, TurnState, type TurnTimes } from "../../domain/turns/turn.ts";
import { HeldPages } from "../../live/followers/held-pages.ts";
import { Rights } from "../../live/followers/rights.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import type { ServerPresence } from "../../store/server-presence.ts";
import { readOpenTurn, type SavedTurnRow } from "../../store/turns/entries.ts";
import { takeOverTurn } from "../../store/turns/queued-turns.ts";
import {
  abandonedTurns,
  isTurnOpen,
  requestCancel,
  type TurnLease,
  type TurnPlace,
  unwantedTurns,
} from "../../store/turns/turns.ts";
import { warnSparingly } from "../../telemetry/warn-rarely.ts";
import type { Connectors } from "../connectors/connectors.ts";
import { withTimeout } from "../with-timeout.ts";
import { endCancelled, endExpired, endUnwanted } from "./end-turn.ts";
import { HistoryRoom } from "./history-room.ts";
import { LeaseTrust } from "./lease-trust.ts";
import type { LiveTurnTask } from "./live-task.ts";
import { LiveTurn } from "./live-turn.ts";
import { type FollowOptions, followSteps } from "./turn-follow.ts";
import type { TurnStep } from "./turn-reader.ts";
import { WaitingTurns } from "./waiting-turns.ts";

export interface Turns {
  /** The lease for a new turn. */
  readonly lease: TurnLease;
  /** Starts a turn that has just been stored, or takes it up again, in the background. */
  run(task: LiveTurnTask): void;
  /** Follows a turn to its end, from anywhere in it. */
  follow(options: FollowOptions): AsyncIterable<TurnStep>;
  /** Cancels a turn on whichever server it runs, and keeps its text. Resolves when it has ended. */
  cancel(place: TurnPlace): Promise<void>;
  /**
   * Ends a turn whose server appears to be dead, that has waited too long, or waits and has lost its purpose. A queued
   * one of a dead server is taken over.
   */
  endAbandoned(place: TurnPlace): Promise<void>;
  /** Ends the turns running here, keeps their text, and stops checking those of other servers. Takes at most 8 s. */
  close(): Promise<void>;
}

export interface TurnsOptions {
  readonly database: Database;
  readonly hints: Hints;
  readonly connectors: Connectors;
  readonly log: Logger;
  /** What is needed to run a queued turn that a dead server has left. Undefined: its agent is gone. */
  readonly taskOf: (place: TurnPlace, row: SavedTurnRow) => Promise<LiveTurnTask | undefined>;
  /** Shows other servers that the one with this id lives. Default: it does not. */
  readonly present?: (server: string) => ServerPresence;
  /** Default: {@link TURN_TIMES}. */
  readonly times?: TurnTimes;
}

/**
 * How long a stopping server waits until the ends of its turns are written, in milliseconds; other servers end the
 * rest.
 */
const CLOSE_MS = 8_000;
/** Every so many looks for turns of dead servers, those that wait for input are looked through too. */
const UNWANTED_EVERY = 5;
/** How long another server has to end a cancelled turn, in milliseconds. */
const CANCEL_PATIENCE_MS = 2_000;

export function createTurns(options: TurnsOptions): Turns {
  const { database, hints, connectors, log, times = TURN_TIMES } = options;
  const server = newId();
  const presence = options.present?.(server);
  const lease = { server, leaseMs: times.leaseMs };
  const running = new Map<string, LiveTurn>();
  const trust = new LeaseTrust(times.leaseMs, times.renewEveryMs);
  const waiting = new WaitingTurns({ database, hints, times, server, log });
  const pages = new HeldPages();
  const rights = new Rights(database);
  const givingUp = new AbortController();
  const room = new HistoryRoom();
  const parts = { database, hints, connectors, room, waiting, times, server, log, givingUp: givingUp.signal };

  /** Publishes that a turn has ended. */
  function tell({ tenantId, conversationId }: TurnPlace): void {
    hints.publish({ kind: "turn", tenantId, conversationId });
    hints.publish({ kind: "state", tenantId, conversationId });
  }

  async function endAbandoned(place: TurnPlace): Promise<void> {
    if (running.has(place.id) || !trust.holds || (await takeOver(place))) return;
    const ended = (await endExpired(database, place)) ?? (await endUnwanted(database, place));
    if (ended) tell(place);
  }

  /** A queued turn has said nothing yet, so any server can run it. */
  async function takeOver(place: TurnPlace): Promise<boolean> {
    if (!(await takeOverTurn(database, place, lease))) return false;
    const row = await readOpenTurn(database, place);
    const task = row && (await options.taskOf(place, row));
    if (task !== undefined) run(task);
    return true;
  }

  function run(task: LiveTurnTask): void {
    const live = new LiveTurn(parts, task);
    running.set(task.place.id, live);
    void live.done.finally(() => running.delete(task.place.id));
  }

  const warn = warnSparingly(log, "could not check the turns of other servers");
  let looking = false;
  let sweeps = 0;
  async function sweep(): Promise<void> {
    if (looking) return;
    looking = true;
    const since = performance.now();
    try {
      const abandoned = await abandonedTurns(database);
      trust.answered(since);
      for (const place of abandoned) await endAbandoned(place);
      if (++sweeps % UNWANTED_EVERY > 0) return;
      for (const place of await unwantedTurns(database)) await endAbandoned(place);
    } catch (error) {
      trust.failed();
      warn(error);
    } finally {
      looking = false;
    }
  }
  const sweeping = setInterval(sweep, times.sweepEveryMs);
  sweeping.unref();

  async function cancel(place: TurnPlace): Promise<void> {
    const live = running.get(place.id);
    if (live) {
      live.cancel();
      await live.done;
      // It may just have begun to wait.
      if (!(await isTurnOpen(database, place))) return;
    }
    const { tenantId, conversationId } = place;
    const waker = hints.listen({ kind: "turn", tenantId, conversationId });
    try {
      await requestCancel(database, place);
      if ((await readOpenTurn(database, place))?.state === TurnState.INPUT_REQUIRED) return await endUnheard(place);
      hints.publish({ kind: "cancel", tenantId, conversationId });
      const until = performance.now() + CANCEL_PATIENCE_MS;
      while (performance.now() < until && (await isTurnOpen(database, place))) await waker.wait(100);
    } finally {
      waker.close();
    }
    // Its server does not respond: the saved text is kept.
    await endUnheard(place);
  }

  async function endUnheard(place: TurnPlace): Promise<void> {
    await endCancelled(database, place);
    tell(place);
  }

  return {
    lease,
    run,
    follow: (options) => followSteps({ database, hints, running, rights, pages }, options),
    cancel,
    endAbandoned,
    async close() {
      clearInterval(sweeping);
      for (const live of running.values()) live.interrupt();
      const all = Promise.all([...running.values()].map(({ done }) => done));
      await withTimeout(all, CLOSE_MS, new AbortController().signal);
      givingUp.abort();
      waiting.close();
      await presence?.close();
    },
  };
}
