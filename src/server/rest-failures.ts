// What REST's own problems are in the terms of the contract, and the HTTP statuses that a reason alone decides.
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { FailureOptions, ProblemKind, RestProblem } from "../rest/index.ts";
import { toConnectError } from "../rpc/errors.ts";

const REASONS: Readonly<Record<ProblemKind, ErrorReason>> = {
  invalid: ErrorReason.INVALID_FIELD,
  malformed: ErrorReason.MALFORMED_BODY,
  not_found: ErrorReason.NOT_FOUND,
  method_not_allowed: ErrorReason.UNKNOWN_METHOD,
  not_acceptable: ErrorReason.INVALID_FIELD,
  precondition_failed: ErrorReason.ETAG_MISMATCH,
  too_large: ErrorReason.TOO_LARGE,
  unsupported_media_type: ErrorReason.INVALID_FIELD,
};

/** For `createRest`. */
export const REST_FAILURES: FailureOptions = {
  toFailure,
  toError: (problem) => toConnectError(toFailure(problem)),
  reasonStatus: { ETAG_MISMATCH: 412, TOO_LARGE: 413, OVERLOADED: 503 },
};

function toFailure({ kind, message, violations }: RestProblem): DomainError {
  return new DomainError(REASONS[kind], message, violations.length === 0 ? {} : { violations });
}
