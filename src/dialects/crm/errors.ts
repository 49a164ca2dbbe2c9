// Errors as this dialect writes them: `{"error":{"code":…,"message":…,"request_id":…}}`.
import type { RenderError } from "../../protocols/rest/binding/mount.ts";
import { type FailureKind, type ReadFailure, readFailure } from "../shared/errors.ts";

const ERRORS: Readonly<Partial<Record<FailureKind, readonly [status: number, code: string]>>> = {
  bad_request: [400, "validation_error"],
  unauthenticated: [401, "unauthenticated"],
  forbidden: [403, "forbidden"],
  not_found: [404, "not_found"],
  method_not_allowed: [405, "method_not_allowed"],
  conflict: [409, "conflict"],
  too_large: [413, "too_large"],
  rate_limited: [429, "rate_limited"],
  unavailable: [503, "unavailable"],
};

const BY_REASON: Readonly<Record<string, readonly [status: number, code: string]>> = {
  AGENT_FAILED: [502, "agent_failed"],
  TURN_IN_PROGRESS: [409, "turn_in_progress"],
  INTERNAL: [500, "internal_error"],
};

export const renderError: RenderError = (failure, info) => {
  const read = readFailure(failure, info, { agent: "agent_id" });
  const { kind, reason } = read;
  const [status, code] = BY_REASON[reason] ?? ERRORS[kind] ?? [failure.status, reason.toLowerCase()];
  const headers = status === 503 ? { "retry-after": "1", ...failure.headers } : failure.headers;
  return { status, headers, body: { error: { code, message: messageOf(read), request_id: info.requestId } } };
};

/** The services' own words name their fields, and the first of several alone. */
function messageOf({ kind, message, violations }: ReadFailure): string {
  if (kind !== "bad_request" || violations.length === 0) return message;
  return violations
    .map(({ path, description }) => (path.length === 0 ? description : `${path.join(".")}: ${description}`))
    .join("; ");
}
