// The states of a turn, and the times that keep one from being forgotten.
import { FinishReason, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";

export { FinishReason, TurnState };

/** The states in which a turn is not over. */
export type OpenState = typeof TurnState.QUEUED | typeof TurnState.RUNNING | typeof TurnState.INPUT_REQUIRED;
/** The states in which a turn ends; it never leaves them. */
export type EndState = typeof TurnState.COMPLETE | typeof TurnState.CANCELLED | typeof TurnState.FAILED;

const SUCCESSORS: Readonly<Record<number, readonly TurnState[]>> = {
  [TurnState.QUEUED]: [TurnState.RUNNING, TurnState.CANCELLED, TurnState.FAILED],
  [TurnState.RUNNING]: [TurnState.INPUT_REQUIRED, TurnState.COMPLETE, TurnState.CANCELLED, TurnState.FAILED],
  [TurnState.INPUT_REQUIRED]: [TurnState.RUNNING, TurnState.CANCELLED, TurnState.FAILED],
};

const OPEN: readonly TurnState[] = [TurnState.QUEUED, TurnState.RUNNING, TurnState.INPUT_REQUIRED];

export function isOpen(state: TurnState): state is OpenState {
  return OPEN.includes(state);
}

/** Whether a limit or a filter cut the reply. */
export function isCut(finish: FinishReason): boolean {
  return finish === FinishReason.LENGTH || finish === FinishReason.CONTENT_FILTER;
}

/** Whether nothing is left of a turn that discards its entries where it fails. One that was cut off keeps them. */
export function leavesNothing(discards: boolean, state: TurnState, finish: FinishReason | null | undefined): boolean {
  return discards && state === TurnState.FAILED && finish === FinishReason.ERROR;
}

/** Whether a turn may go from one state straight to another. */
export function mayBecome(from: TurnState, to: TurnState): boolean {
  return SUCCESSORS[from]?.includes(to) ?? false;
}

/** The states from which a turn may go to `to`: what a statement that moves it asks for. */
export function statesBefore(to: TurnState): TurnState[] {
  return OPEN.filter((from) => mayBecome(from, to));
}

export interface TurnTimes {
  /** Between two writes of the text so far, in milliseconds. */
  readonly saveEveryMs: number;
  /**
   * A server that has not renewed its turns for so long is taken for dead unless it shows that it lives, in
   * milliseconds.
   */
  readonly leaseMs: number;
  /** How often a server renews its turns when nothing else is written, in milliseconds. */
  readonly renewEveryMs: number;
  /** How often a server looks for turns of dead servers, in milliseconds. */
  readonly sweepEveryMs: number;
}

/** With these, a turn of a dead server is found within 6 s. */
export const TURN_TIMES: TurnTimes = { saveEveryMs: 250, leaseMs: 5_000, renewEveryMs: 1_250, sweepEveryMs: 1_000 };

/**
 * How long after its lease a turn is left to a server that lives but does not renew it, in milliseconds: far longer
 * than an overload, a suspended machine or a held event loop should last.
 */
export const HUNG_MS = 60_000;

/** The failure code of a turn whose agent replied what no turn may hold: asked again, it would most likely do so again. */
export const INVALID_REPLY = "invalid_reply";

/** The longest reply, in bytes of UTF-8: the limit of a message. */
export const MAX_REPLY_BYTES = 262_144;

/** The most calls of the model in one turn. */
export const MAX_STEPS = 20;
/** The most that a turn adds to the log: the texts and parts of its entries, in bytes, and how many they are. */
export const MAX_TURN_BYTES = 8 * 1024 * 1024;
export const MAX_TURN_ENTRIES = 1000;

/**
 * How much an agent may send for one reply, in bytes: around each word stands a chunk of JSON, and thoughts, which are
 * not kept, come before the first.
 */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
