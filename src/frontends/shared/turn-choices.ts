// What a request's query says of turns: `ifRunning`, and `abort` for clients whose stop button only closes the
// connection.
import { TurnPolicy } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { deriveContext } from "../../services/in-process/context.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

const POLICIES: ReadonlyMap<string, TurnPolicy> = new Map([
  ["", TurnPolicy.REJECT],
  ["reject", TurnPolicy.REJECT],
  ["queue", TurnPolicy.QUEUE],
  ["interrupt", TurnPolicy.INTERRUPT],
]);

/** Throws INVALID_FIELD. */
export function readIfRunning(text: string): TurnPolicy {
  const policy = POLICIES.get(text);
  if (policy === undefined) throw invalidField("ifRunning", "must be reject, queue or interrupt", "if_running");
  return policy;
}

/** Whether a closed connection cancels the turn. Throws INVALID_FIELD. */
export function readAbort(text: string): boolean {
  if (text !== "" && text !== "cancel") throw invalidField("abort", "must be cancel", "abort");
  return text === "cancel";
}

/** Cancels the turn of a caller that has gone away. Never rejects: there is nobody to tell. */
export async function cancelForGone(canonical: Canonical, context: CallContext, turnId: string): Promise<void> {
  // A context of its own: what has happened in the call that is over has no say in this one.
  const own = deriveContext(context, {});
  try {
    await canonical.call(own, TurnService.method.cancelTurn, { turnId });
  } catch (error) {
    context.log.warn({ err: error, turn: turnId }, "a turn whose caller left was not cancelled");
  }
}
