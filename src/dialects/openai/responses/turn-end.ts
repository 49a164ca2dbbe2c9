// Waits for responses of a conversation to end.
import { TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService as Turns } from "../../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { orAborted } from "../../../pipeline/call/deadline.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import type { ConversationLines } from "./line.ts";

const OVER: ReadonlySet<ErrorReason> = new Set([ErrorReason.AGENT_FAILED, ErrorReason.NOT_FOUND]);

/** Waits until a turn has ended, in whatever way. */
export async function turnEnd(canonical: Canonical, context: CallContext, turnId: string): Promise<void> {
  try {
    for await (const _ of canonical.stream(context, Turns.method.resumeTurn, { turnId }))
      context.signal.throwIfAborted();
  } catch (error) {
    const over = error instanceof DomainError && OVER.has(error.reason);
    if (!over) throw error;
  }
}

/**
 * Acts once no response of a conversation runs or is queued, so that responses that come later see what was done. One
 * that waits for consent does not count: it may wait for days.
 */
export async function betweenTurns<T>(
  canonical: Canonical,
  lines: ConversationLines,
  context: CallContext,
  conversationId: string,
  act: () => Promise<T>,
): Promise<T> {
  const open = async () => {
    const { turns } = await canonical.call(context, Turns.method.listTurns, { conversationId, pageSize: 1 });
    return turns.find(({ state }) => state === TurnState.RUNNING || state === TurnState.QUEUED);
  };
  const key = lineOf(context, conversationId);
  if (!lines.isWaiting(key) && (await open()) === undefined) return act();
  const place = lines.enter(key);
  try {
    await orAborted(place.before, context.signal);
    for (let turn = await open(); turn !== undefined; turn = await open()) await turnEnd(canonical, context, turn.id);
    return await act();
  } finally {
    place.leave();
  }
}

/** The line of a conversation, by our id. */
export function lineOf({ principal }: CallContext, conversationId: string): string {
  const tenantId = principal.kind === "anonymous" ? "" : (principal.tenantId ?? "");
  return `${tenantId}/${conversationId}`;
}
