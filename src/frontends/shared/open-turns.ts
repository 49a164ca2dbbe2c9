// The turns of a conversation that have not ended.
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

const OPEN: readonly TurnState[] = [TurnState.QUEUED, TurnState.RUNNING, TurnState.INPUT_REQUIRED];
/** More than may be open in a conversation. */
const PAGE = 50;

/** The latest turns of a conversation, the latest first. */
export async function latestTurns(canonical: Canonical, context: CallContext, conversationId: string): Promise<Turn[]> {
  const request = { conversationId, pageSize: PAGE };
  return (await canonical.call(context, TurnService.method.listTurns, request)).turns;
}

/** Those that have not ended, the earliest first: the one that runs or waits, then those in the queue. */
export async function openTurns(canonical: Canonical, context: CallContext, conversationId: string): Promise<Turn[]> {
  const turns = await latestTurns(canonical, context, conversationId);
  return turns.filter(({ state }) => OPEN.includes(state)).reverse();
}

/** Cancels turns, those in the queue first, so that none of them begins when the one before it ends. */
export async function cancelTurns(canonical: Canonical, context: CallContext, turns: readonly Turn[]): Promise<void> {
  for (const { id } of turns.toReversed()) {
    await canonical.call(context, TurnService.method.cancelTurn, { turnId: id });
  }
}
