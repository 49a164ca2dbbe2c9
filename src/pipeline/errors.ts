// The one table of errors: the RPC code of each reason, and the form of a failure on the wire.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReasonSchema } from "../../gen/colloquy/v1/error_reason_pb.ts";
import {
  type BadRequest_FieldViolationSchema,
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { type DomainError, ErrorReason, type FieldViolation } from "../domain/errors.ts";
import { onceEach } from "./memoize.ts";

/** The domain of every `google.rpc.ErrorInfo` that this server sends. */
export const ERROR_DOMAIN = "colloquy";

/**
 * A gRPC error travels in trailers, which clients cap: 8 KiB in all is the smallest default. What follows keeps the
 * encoded error well below that, whatever a message echoes.
 */
const MAX_MESSAGE = 1024;
const MAX_DETAIL_TEXT = 200;
const MAX_VIOLATIONS_TEXT = 2048;

const CODES: Readonly<Record<(typeof ErrorReason)[keyof typeof ErrorReason], Code>> = {
  [ErrorReason.UNSPECIFIED]: Code.Internal,
  [ErrorReason.INVALID_FIELD]: Code.InvalidArgument,
  [ErrorReason.MALFORMED_BODY]: Code.InvalidArgument,
  [ErrorReason.INVALID_PAGE_TOKEN]: Code.InvalidArgument,
  [ErrorReason.REQUEST_ID_REUSED]: Code.InvalidArgument,
  [ErrorReason.REQUEST_IN_PROGRESS]: Code.Aborted,
  [ErrorReason.CREDENTIAL_MISSING]: Code.Unauthenticated,
  [ErrorReason.CREDENTIAL_INVALID]: Code.Unauthenticated,
  [ErrorReason.SCOPE_MISSING]: Code.PermissionDenied,
  [ErrorReason.PERMISSION_DENIED]: Code.PermissionDenied,
  [ErrorReason.NOT_FOUND]: Code.NotFound,
  [ErrorReason.ALREADY_EXISTS]: Code.AlreadyExists,
  [ErrorReason.ETAG_MISMATCH]: Code.Aborted,
  [ErrorReason.NOT_DELETED]: Code.FailedPrecondition,
  [ErrorReason.CONVERSATION_CLOSED]: Code.FailedPrecondition,
  [ErrorReason.RATE_LIMITED]: Code.ResourceExhausted,
  [ErrorReason.TOO_LARGE]: Code.ResourceExhausted,
  [ErrorReason.OVERLOADED]: Code.ResourceExhausted,
  [ErrorReason.DATABASE_UNAVAILABLE]: Code.Unavailable,
  [ErrorReason.SHUTTING_DOWN]: Code.Unavailable,
  [ErrorReason.DEADLINE_EXCEEDED]: Code.DeadlineExceeded,
  [ErrorReason.CANCELLED]: Code.Canceled,
  [ErrorReason.UNKNOWN_METHOD]: Code.Unimplemented,
  [ErrorReason.INTERNAL]: Code.Internal,
  [ErrorReason.UNKNOWN_REFERENCE]: Code.InvalidArgument,
  [ErrorReason.CONFLICT]: Code.FailedPrecondition,
  [ErrorReason.TURN_IN_PROGRESS]: Code.Aborted,
  [ErrorReason.NOT_AWAITED]: Code.FailedPrecondition,
  [ErrorReason.AGENT_FAILED]: Code.Unavailable,
  [ErrorReason.QUOTA_EXCEEDED]: Code.ResourceExhausted,
  [ErrorReason.FILE_QUOTA_EXCEEDED]: Code.ResourceExhausted,
  [ErrorReason.FILES_UNAVAILABLE]: Code.Unavailable,
  [ErrorReason.HELD]: Code.FailedPrecondition,
  [ErrorReason.UNSUPPORTED]: Code.Unimplemented,
  [ErrorReason.ISSUER_UNAVAILABLE]: Code.Unavailable,
};

/** The RPC code of a reason. */
export function codeOf(reason: ErrorReason): Code {
  // Generated enums are open: a number that the table does not have is nothing we foresaw.
  return (CODES as Readonly<Record<number, Code>>)[reason] ?? Code.Internal;
}

/** A reason as it travels in `ErrorInfo.reason`, such as `NOT_FOUND`. */
export function reasonName(reason: ErrorReason): string {
  const name = ErrorReasonSchema.value[reason]?.name ?? "ERROR_REASON_INTERNAL";
  return name.slice("ERROR_REASON_".length);
}

/**
 * Turns a failure into the error that a wire sends: `ErrorInfo` always, `BadRequest`, `RetryInfo` and `QuotaFailure`
 * where they apply. An INTERNAL failure loses its message and details. The same failure gives the same error.
 */
export const toConnectError: (failure: DomainError) => ConnectError = onceEach(makeConnectError);

function makeConnectError(failure: DomainError): ConnectError {
  const code = codeOf(failure.reason);
  if (code === Code.Internal) {
    return new ConnectError("internal error", code, undefined, [errorInfo(ErrorReason.INTERNAL, undefined)]);
  }
  const { metadata, violations, retryAfterMs, quota, foreign, sentence } = failure.details;
  const info = errorInfo(failure.reason, metadata);
  // The cause goes no further than this process: dialects read `sentence` there.
  const cause = sentence ? failure : undefined;
  const error = new ConnectError(cap(failure.message, MAX_MESSAGE), code, undefined, [info], cause);
  if (foreign !== undefined) error.details.push({ desc: ErrorInfoSchema, value: { ...foreign, metadata: {} } });
  if (violations !== undefined) {
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: capViolations(violations) } });
  }
  if (retryAfterMs !== undefined) {
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(retryAfterMs) } });
  }
  if (quota !== undefined) {
    const violation = { subject: cap(quota.subject), description: cap(quota.description) };
    error.details.push({ desc: QuotaFailureSchema, value: { violations: [violation] } });
  }
  return error;
}

function errorInfo(reason: ErrorReason, metadata: Readonly<Record<string, string>> = {}) {
  const capped = Object.entries(metadata).map(([key, value]) => [cap(key), cap(value)]);
  const value = { reason: reasonName(reason), domain: ERROR_DOMAIN, metadata: Object.fromEntries(capped) };
  return { desc: ErrorInfoSchema, value };
}

/** As many violations as fit; at least one. */
function capViolations(violations: readonly FieldViolation[]) {
  const kept: MessageInitShape<typeof BadRequest_FieldViolationSchema>[] = [];
  let left = MAX_VIOLATIONS_TEXT;
  for (const { field, description, rule } of violations) {
    const violation = { field: cap(field), description: cap(description), reason: violationReason(rule) };
    left -= Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description) + violation.reason.length;
    if (left < 0 && kept.length > 0) break;
    kept.push(violation);
  }
  return kept;
}

/** `string.max_len` as google.rpc wants it: `STRING_MAX_LEN`, of at most 63 characters. */
function violationReason(rule = "invalid"): string {
  return rule
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()
    .slice(0, 63);
}

/** Cuts a text to so many bytes of UTF-8, and makes it well-formed: headers cannot carry a lone surrogate. */
function cap(text: string, bytes = MAX_DETAIL_TEXT): string {
  const whole = text.toWellFormed();
  if (Buffer.byteLength(whole) <= bytes) return whole;
  const cut = Buffer.from(whole).subarray(0, bytes - 3);
  return `${cut.toString("utf8").replace(/\ufffd+$/, "")}…`;
}
