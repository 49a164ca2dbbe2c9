// Maps the transcoder's own errors to reasons of the contract.
import type { ConnectError } from "@connectrpc/connect";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { toConnectError } from "../pipeline/errors.ts";
import type { ProblemKind, RestProblem } from "../protocols/rest/binding/problem.ts";
import type { FailureOptions } from "../protocols/rest/response/errors.ts";

const REASONS: Readonly<Record<ProblemKind, ErrorReason>> = {
  invalid: ErrorReason.INVALID_FIELD,
  malformed: ErrorReason.MALFORMED_BODY,
  not_found: ErrorReason.NOT_FOUND,
  method_not_allowed: ErrorReason.UNSUPPORTED,
  not_acceptable: ErrorReason.INVALID_FIELD,
  precondition_failed: ErrorReason.ETAG_MISMATCH,
  too_large: ErrorReason.TOO_LARGE,
  unsupported_media_type: ErrorReason.INVALID_FIELD,
};

function toDomainError({ kind, message, violations }: RestProblem): DomainError {
  return new DomainError(REASONS[kind], message, violations.length === 0 ? {} : { violations });
}

/** HTTP statuses of reasons that differ from those of their codes. */
export const REASON_STATUS: Readonly<Record<string, number>> = { ETAG_MISMATCH: 412, TOO_LARGE: 413 };

export const REST_FAILURES: FailureOptions = {
  toFailure: toDomainError,
  toError: (problem): ConnectError => toConnectError(toDomainError(problem)),
  reasonStatus: REASON_STATUS,
};
