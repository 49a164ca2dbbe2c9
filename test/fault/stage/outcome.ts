// What a failed call lets its caller believe: that nothing happened, or that nobody knows.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";

export interface Failure {
  /** The reason that the server gave, else the code that the client made of a broken line. */
  readonly why: string;
  /** Whether the server said so: a documented reason. */
  readonly told: boolean;
  /** Whether the caller may take it that nothing happened. */
  readonly definite: boolean;
  /** Whether trying again may help. */
  readonly passing: boolean;
}

/** The server said nothing of what became of the effect. */
const OPEN: ReadonlySet<string> = new Set(["DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL"]);
const PASSING: ReadonlySet<string> = new Set([
  "REQUEST_IN_PROGRESS",
  "RATE_LIMITED",
  "OVERLOADED",
  "DATABASE_UNAVAILABLE",
  "SHUTTING_DOWN",
  "DEADLINE_EXCEEDED",
]);

export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined || !(info.reason in ErrorReason)) {
    return { why: `${Code[error.code]}: ${error.rawMessage}`, told: false, definite: false, passing: true };
  }
  const { reason, metadata } = info;
  return {
    why: reason,
    told: true,
    // docs/api-behaviour.md: a failure that leaves the outcome open says so.
    definite: !OPEN.has(reason) && metadata.outcome !== "unknown",
    passing: PASSING.has(reason),
  };
}
