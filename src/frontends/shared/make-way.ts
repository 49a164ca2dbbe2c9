// Room for a new turn: one that waits for people ends when they say something else, others as the request has it.
import { TurnPolicy, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { turnInProgress } from "../../domain/turns/in-progress.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { cancelTurns, openTurns } from "./open-turns.ts";

export interface Way {
  readonly canonical: Canonical;
  readonly context: CallContext;
  readonly conversationId: string;
  readonly ifRunning: TurnPolicy;
}

/**
 * Cancels the turns that wait for input, and with `interrupt` all that are open. Throws TURN_IN_PROGRESS if one runs
 * then.
 */
export async function makeWay({ canonical, context, conversationId, ifRunning }: Way): Promise<void> {
  const open = await openTurns(canonical, context, conversationId);
  const running = open.find(({ state }) => state !== TurnState.INPUT_REQUIRED);
  if (running !== undefined && ifRunning !== TurnPolicy.INTERRUPT) throw turnInProgress(running);
  await cancelTurns(canonical, context, open);
}

/** The stream of a new turn; one that waits and is in its way is cancelled. */
export async function* orMakeWay<T>(way: Way, begin: () => AsyncIterable<T>): AsyncGenerator<T> {
  if (way.ifRunning === TurnPolicy.QUEUE) await endAlone(way);
  let begun = false;
  try {
    for await (const event of begin()) {
      begun = true;
      yield event;
    }
    return;
  } catch (error) {
    const isBusy = error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS;
    if (begun || !isBusy || way.ifRunning === TurnPolicy.INTERRUPT) throw error;
  }
  await makeWay(way);
  yield* begin();
}

/** A queue does not form behind a turn that waits for what nobody means to say any more. */
async function endAlone({ canonical, context, conversationId }: Way): Promise<void> {
  const open = await openTurns(canonical, context, conversationId);
  if (open.length === 1 && open[0]?.state === TurnState.INPUT_REQUIRED) await cancelTurns(canonical, context, open);
}
