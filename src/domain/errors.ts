// The one error type of rules; pipeline/errors.ts converts it for each protocol.
import { ErrorReason } from "../../gen/colloquy/v1/error_reason_pb.ts";

export { ErrorReason };

/** One broken rule: `field` is a path such as `message.content`, `description` says the rule in plain words. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
  /** A stable id of the rule, such as `string.max_len`. */
  readonly rule?: string;
}

export interface DomainErrorDetails {
  /** Becomes `ErrorInfo.metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Becomes `BadRequest.field_violations`. */
  readonly violations?: readonly FieldViolation[];
  /** Milliseconds after which a retry makes sense; becomes `RetryInfo` and `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Becomes `QuotaFailure`: what ran out. */
  readonly quota?: { readonly subject: string; readonly description: string };
  /** What another protocol calls it: becomes a second `ErrorInfo`, of that protocol's domain. */
  readonly foreign?: { readonly domain: string; readonly reason: string };
  /** Dialects show the message as a sentence, which their own APIs do for errors of access. */
  readonly sentence?: boolean;
  readonly cause?: unknown;
}

/** A failure with a reason from the contract. Its message is shown to the caller: it holds no secret and no content. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly reason: ErrorReason;
  readonly details: DomainErrorDetails;

  constructor(reason: ErrorReason, message: string, details: DomainErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.details = details;
  }
}

/**
 * A credential that is refused, or a caller that may not make a call at all: see {@link DomainErrorDetails.sentence}.
 */
export function accessRefused(
  reason: ErrorReason,
  message: string,
  details: Omit<DomainErrorDetails, "sentence"> = {},
): DomainError {
  return new DomainError(reason, message, { ...details, sentence: true });
}

/** A call without a credential. */
export function credentialMissing(): DomainError {
  const accepted = "`Authorization: Bearer` with a token or an API key, or `X-API-Key`";
  return accessRefused(ErrorReason.CREDENTIAL_MISSING, `a credential is needed: ${accepted}`);
}

/** A request field that breaks a rule. */
export function invalidField(field: string, description: string, rule = "invalid"): DomainError {
  return new DomainError(ErrorReason.INVALID_FIELD, `${field}: ${description}`, {
    violations: [{ field, description, rule }],
  });
}

/** A body that is not what its content type says. */
export function malformed(message: string, cause?: unknown): DomainError {
  return new DomainError(ErrorReason.MALFORMED_BODY, message, { cause });
}

/** A request message of more than `max` bytes. */
export function tooLarge(max: number): DomainError {
  return new DomainError(
    ErrorReason.TOO_LARGE,
    `a request message may have at most ${max} bytes, also once decompressed`,
  );
}

/**
 * The resource does not exist, or the caller may not see it: the same error for both, without any text that was not in
 * the request's path.
 */
export function notFound(resource: string): DomainError {
  return new DomainError(ErrorReason.NOT_FOUND, `${resource} not found`);
}
