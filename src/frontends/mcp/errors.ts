// Failures as tools and resources tell them: the reason, the rule, and the argument that broke it.
import { DomainError, ErrorReason, type FieldViolation } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { reasonName, toConnectError } from "../../pipeline/errors.ts";

/** What the services' fields are called as arguments. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  conversation_id: "conversationId",
  "message.content": "text",
  "conversation.title": "title",
  "conversation.agent": "agent",
  page_size: "limit",
  page_token: "cursor",
  after_seq: "afterSeq",
  request_id: "requestId",
};

const INVALID: readonly ErrorReason[] = [
  ErrorReason.INVALID_FIELD,
  ErrorReason.INVALID_PAGE_TOKEN,
  ErrorReason.NOT_FOUND,
];

export interface DescribedFailure {
  /** `INVALID_FIELD: text: must be at most 262144 bytes`. Holds no internals. */
  readonly text: string;
  /** Whether another request would do better than a retry of this one. */
  readonly invalid: boolean;
  /** Whether nobody foresaw it. */
  readonly internal: boolean;
  readonly retryAfterMs: number | undefined;
}

/**
 * A failure in words. One that nobody foresaw is logged, and told as an internal error alone; one of the package stays.
 */
export function describeFailure(error: unknown, context: CallContext): DescribedFailure {
  const failure = error instanceof DomainError ? error : foreseen(error, context);
  const { violations, retryAfterMs } = failure.details;
  const message = violations === undefined ? toConnectError(failure).rawMessage : inArguments(violations);
  const retry = retryAfterMs === undefined ? "" : `; retry after ${Math.ceil(retryAfterMs / 1000)} s`;
  const invalid = INVALID.includes(failure.reason);
  const internal = failure.reason === ErrorReason.INTERNAL;
  return { text: `${reasonName(failure.reason)}: ${message}${retry}`, invalid, internal, retryAfterMs };
}

function foreseen(error: unknown, context: CallContext): DomainError {
  const { aborted, reason } = context.interrupt;
  // Whatever broke because of an abort means the abort.
  if (aborted && reason instanceof DomainError) return reason;
  context.log.error({ err: error }, "a tool or resource failed");
  return new DomainError(ErrorReason.INTERNAL, "internal error", { cause: error });
}

function inArguments(violations: readonly FieldViolation[]): string {
  return violations.map(({ field, description }) => `${ARGUMENTS[field] ?? field}: ${description}`).join("; ");
}
