// What an S3-compatible store says when something is wrong, in our words.
import { DomainError, ErrorReason } from "../../domain/errors.ts";

/** What no later attempt mends: the settings or the rights are wrong. */
const REFUSED = new Set([
  "AccessDenied",
  "AccountProblem",
  "AllAccessDisabled",
  "CredentialsProviderError",
  "InvalidAccessKeyId",
  "InvalidBucketName",
  "NoSuchBucket",
  "PermanentRedirect",
  "SignatureDoesNotMatch",
]);

export function isRefused(error: unknown): boolean {
  return REFUSED.has(nameOf(error));
}

/** Whether the store has no such operation. */
export function isNotImplemented(error: unknown): boolean {
  return nameOf(error) === "NotImplemented" || statusOf(error) === 501 || statusOf(error) === 405;
}

/** Whether it, or what it was about, is not there. */
export function isGone(error: unknown): boolean {
  return nameOf(error) === "NoSuchKey" || nameOf(error) === "NoSuchUpload" || statusOf(error) === 404;
}

/** Throws FILES_UNAVAILABLE; errors of ours pass. */
export function throwUnavailable(error: unknown): never {
  if (error instanceof DomainError) throw error;
  throw new DomainError(ErrorReason.FILES_UNAVAILABLE, "the store of files cannot be reached", {
    retryAfterMs: 5_000,
    cause: error,
  });
}

/** Its name, and the message of the store, for the operator. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function nameOf(error: unknown): string {
  return (error as { readonly name?: string } | undefined)?.name ?? "";
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata
    ?.httpStatusCode;
}
