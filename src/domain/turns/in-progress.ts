// The refusal of what cannot be done while a turn is open in the conversation.
import { DomainError, ErrorReason } from "../errors.ts";
import { TurnState } from "./turn.ts";

/**
 * TURN_IN_PROGRESS, with the id of the open turn. One that runs ends by itself, so a retry makes sense; one that waits
 * for input may do so for its agent's whole `inputTimeout`.
 */
export function turnInProgress({ id, state }: { readonly id: string; readonly state: TurnState }): DomainError {
  const metadata = { turn_id: id };
  if (state === TurnState.INPUT_REQUIRED) {
    const message = `turn ${id} of the conversation waits for input: answer it or cancel it`;
    return new DomainError(ErrorReason.TURN_IN_PROGRESS, message, { metadata });
  }
  return new DomainError(ErrorReason.TURN_IN_PROGRESS, "another turn is running in the conversation", {
    metadata,
    retryAfterMs: 1_000,
  });
}
