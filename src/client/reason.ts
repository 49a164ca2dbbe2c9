// The precise reason of a failed call.
import { ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/colloquy/v1/error_reason_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/**
 * Why a call failed, as the contract names it; undefined for a failure that no server sent, such as a lost connection.
 */
export function reasonOf(error: unknown): ErrorReason | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const name = error.findDetails(ErrorInfoSchema)[0]?.reason;
  if (name === undefined) return undefined;
  return (ErrorReason as Readonly<Record<string, ErrorReason | undefined>>)[name];
}

/** After how many milliseconds the server says that a retry makes sense; undefined if it says nothing. */
export function retryDelayOf(error: unknown): number | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
}

/** Reasons that may be gone the next time that a server is asked. */
export const PASSING_REASONS: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.REQUEST_IN_PROGRESS,
  ErrorReason.RATE_LIMITED,
  ErrorReason.OVERLOADED,
  ErrorReason.DATABASE_UNAVAILABLE,
  ErrorReason.FILES_UNAVAILABLE,
  ErrorReason.SHUTTING_DOWN,
]);
