// Load shedding: refuses calls while the server is overloaded, before a credential is checked or a body is read.
import type { Logger } from "pino";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { type Party, partyOf } from "../domain/identity/party.ts";
import type { Principal } from "../domain/identity/principal.ts";
import { FairShare } from "./fair-share.ts";

/** Maximum wait of the first call in the database queue, in milliseconds, while new calls are admitted. */
export const MAX_QUEUE_MS = 1_000;
/** Median delay of the event loop by the process's own work above which the process is overloaded, in milliseconds. */
export const MAX_LOOP_DELAY_MS = 200;
/** Up to this many calls at once none is refused, nor because of the event loop up to as many in one window. */
export const FEW_CALLS = 16;
/** Length of a window, after which the event loop is judged, in milliseconds. */
const WINDOW_MS = 250;
/** Windows after which refused calls are summed up in the log. */
const LOG_EVERY = 4;
/** From here on a call is taken to wait for something else than this server, in milliseconds. */
const LONG_MS = 2_000;
const RETRY_AFTER_MS = 1_000;
const STEP_UP = 0.25;
const LEAST_SHARE = 0.05;
const MAX_SHARE = 0.95;

export type ShedCause = "start_queue" | "queue_full" | "queue_time" | "event_loop";

/** Delays of the event loop since they were last read, in milliseconds. */
export interface LoopFigures {
  readonly elapsedMs: number;
  /** Median delay by the process's own work. */
  readonly ownDelayMs: number;
  /** Time in which the loop was due, but the machine ran something else. */
  readonly lostMs: number;
}

export interface SheddingOptions {
  /** The calls that wait for a connection to the database. */
  readonly queue: { readonly full: boolean; readonly waitedMs: number; refuses(party: Party): boolean } & {
    /** Those that found no place in it, or gave it up; and those that waited for too long. */
    readonly refused: Readonly<Record<"queue_full" | "queue_time", number>>;
  };
  /** The calls that wait to begin, and how many found no place, or gave it up. */
  readonly starts: { readonly isFull: boolean; refuses(party: Party): boolean; readonly refused: number };
  readonly readLoop: () => LoopFigures;
  readonly logger: Logger;
  /** From 0 to 1, for each call. Default: at random. */
  readonly random?: () => number;
}

/** Decides which calls enter the pipeline. */
export interface Door {
  /**
   * Why a call is refused; undefined: it is admitted. `claimed` gives the caller as far as that costs next to nothing;
   * a caller that is not known is refused as all of them together are.
   */
  readonly shed: (claimed: () => Principal | undefined) => DomainError | undefined;
  /** Counts a call that is admitted, or was until it could begin. */
  readonly entered: (principal: Principal) => void;
  /** Counts a unary call from its begin to its end. */
  readonly began: () => void;
  readonly ended: (milliseconds: number) => void;
}

export interface Shedding extends Door {
  /** The share of calls refused because of the event loop, from 0 to 1. */
  readonly share: number;
  /** How many calls were refused, here or in the queues. */
  readonly refused: Readonly<Record<ShedCause, number>>;
  /** How long the event loop was due while the machine ran something else, in milliseconds. */
  readonly lostMs: number;
  /**
   * How long the unary calls took that have ended, all together, in milliseconds: its growth over time is how many run
   * at once. Calls that took longer than {@link LONG_MS} do not count: they waited for an agent.
   */
  readonly callMs: number;
  /** Begins to judge the event loop. */
  start(): void;
  stop(): void;
}

export function createShedding({ queue, starts, readLoop, logger, random = Math.random }: SheddingOptions): Shedding {
  const atTheDoor: Record<ShedCause, number> = { start_queue: 0, queue_full: 0, queue_time: 0, event_loop: 0 };
  // Made once: a refusal must cost next to nothing.
  const busyDatabase = tooMuch("every database connection is busy");
  const busyProcess = tooMuchAtOnce();
  let share = 0;
  let underWay = 0;
  let callMs = 0;
  /** Maximum calls at one time in this window. */
  let peak = 0;
  /** Calls that began in this window: a call that is served within one turn of the loop waited in its socket before. */
  let came = 0;
  let ownQueueMs = 0;
  let lostMs = 0;
  let windows = 0;
  let told = 0;
  let timer: NodeJS.Timeout | undefined;

  const fair = new FairShare();

  const refused = (): Record<ShedCause, number> => ({
    start_queue: atTheDoor.start_queue + starts.refused,
    queue_full: atTheDoor.queue_full + queue.refused.queue_full,
    queue_time: atTheDoor.queue_time + queue.refused.queue_time,
    event_loop: atTheDoor.event_loop,
  });

  /** What the process has too much of, if anything. */
  const excess = (): ShedCause | undefined => {
    if (underWay <= FEW_CALLS && came <= FEW_CALLS) return undefined;
    if (starts.isFull) return "start_queue";
    if (queue.full) return "queue_full";
    if (ownQueueMs > MAX_QUEUE_MS && queue.waitedMs > MAX_QUEUE_MS) return "queue_time";
    return share > 0 ? "event_loop" : undefined;
  };
  const causeOf = (claimed: () => Principal | undefined): ShedCause | undefined => {
    const cause = excess();
    if (cause === undefined) return undefined;
    const party = partyOf(claimed());
    if (cause !== "event_loop") {
      const full = cause === "start_queue" ? starts : queue;
      if (party === undefined) return cause;
      if (!full.refuses(party)) return undefined;
      fair.count(party);
      return cause;
    }
    if (random() >= (party === undefined ? share : fair.of(party))) return undefined;
    if (party !== undefined) fair.count(party);
    return cause;
  };
  const judge = () => {
    const loop = readLoop();
    lostMs += loop.lostMs;
    // A wait while this process is suspended is not caused by the database.
    ownQueueMs = Math.min(queue.waitedMs, ownQueueMs + loop.elapsedMs - loop.lostMs);
    share = nextShare(share, loop.ownDelayMs, Math.max(peak, came));
    fair.divide(share);
    peak = underWay;
    came = 0;
    if (++windows % LOG_EVERY !== 0) return;
    const total = Object.values(refused()).reduce((sum, count) => sum + count, 0);
    if (total > told) logger.warn({ refused: total - told }, "overloaded: calls were refused");
    told = total;
  };
  return {
    shed(claimed) {
      const cause = causeOf(claimed);
      if (cause === undefined) return undefined;
      atTheDoor[cause]++;
      return cause === "queue_full" || cause === "queue_time" ? busyDatabase : busyProcess;
    },
    entered(principal) {
      const party = partyOf(principal);
      if (party !== undefined) fair.count(party);
    },
    began() {
      came++;
      if (++underWay > peak) peak = underWay;
    },
    ended(milliseconds) {
      underWay--;
      if (milliseconds < LONG_MS) callMs += milliseconds;
    },
    get share() {
      return share;
    },
    get refused() {
      return refused();
    },
    get lostMs() {
      return lostMs;
    },
    get callMs() {
      return callMs;
    },
    start() {
      timer ??= setInterval(judge, WINDOW_MS).unref();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/**
 * The share rises step by step while the loop is late by the process's own work and more than a few calls run, and
 * halves in each window in which that is not so.
 */
export function nextShare(share: number, ownDelayMs: number, calls: number): number {
  if (ownDelayMs > MAX_LOOP_DELAY_MS && calls > FEW_CALLS) return Math.min(MAX_SHARE, share + STEP_UP);
  return share / 2 < LEAST_SHARE ? 0 : share / 2;
}

function tooMuch(message: string): DomainError {
  return new DomainError(ErrorReason.OVERLOADED, message, { retryAfterMs: RETRY_AFTER_MS });
}

/** Of a call that the process has no time for. */
export function tooMuchAtOnce(): DomainError {
  return tooMuch("the server has more to do than it can");
}
