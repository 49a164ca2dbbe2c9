// Calls that replicas of the database may answer, because the caller says what it has seen.
import type { Message } from "@bufbuild/protobuf";
import { POSITION_HEADER, Reading } from "../../domain/read-position.ts";
import type { CallContext } from "./call.ts";

/**
 * Runs a handler for a caller that has seen as much as `position` says, and tells it what it has seen then. A refusal
 * is never given on the word of a replica: what that does not have may have been written meanwhile.
 */
export async function replicaRead(
  context: CallContext,
  position: string,
  handle: () => Message | Promise<Message>,
): Promise<Message> {
  const { interrupt } = context;
  const reading = new Reading(position);
  interrupt.reading = reading;
  try {
    return await handle();
  } catch (error) {
    if (!reading.fromReplica || interrupt.aborted) throw error;
    reading.askPrimary();
    return await handle();
  } finally {
    context.setHeader(POSITION_HEADER, reading.toString());
  }
}
