// Failures of a stream that has begun: in words, as its last event tells them.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { reasonName, toConnectError } from "../../pipeline/errors.ts";

export interface StreamFailure {
  /** The reason's name, such as `AGENT_FAILED`. */
  readonly reason: string;
  /** Holds no internals. */
  readonly message: string;
}

/**
 * Whatever broke because of an abort means the abort. One that nobody foresaw is logged, and told as an internal error.
 */
export function describeFailure(error: unknown, context: CallContext): StreamFailure {
  const { aborted, reason } = context.interrupt;
  const cause = aborted && reason instanceof DomainError ? reason : error;
  if (cause instanceof DomainError) {
    return { reason: reasonName(cause.reason), message: toConnectError(cause).rawMessage };
  }
  context.log.error({ err: error }, "a stream failed");
  return { reason: reasonName(ErrorReason.INTERNAL), message: "internal error" };
}

/** Whether the caller has gone away, so that there is nobody to tell. */
export function hasLeft({ interrupt }: CallContext): boolean {
  return (
    interrupt.aborted && interrupt.reason instanceof DomainError && interrupt.reason.reason === ErrorReason.CANCELLED
  );
}

/** Whether the server stops, which is nothing that its callers want. */
export function isStopping({ interrupt }: CallContext): boolean {
  const { aborted, reason } = interrupt;
  return aborted && reason instanceof DomainError && reason.reason === ErrorReason.SHUTTING_DOWN;
}
