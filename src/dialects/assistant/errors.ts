// Errors as the dialect's document has them.
import { STATUS_CODES } from "node:http";
import type { RenderError } from "../../protocols/rest/binding/mount.ts";
import { type FailureKind, type ReadFailure, readFailure, type Violation } from "../shared/errors.ts";
import { limitError, limitHeaders, type UserLimits } from "./rate-limit.ts";

interface ErrorForm {
  readonly status: number;
  readonly code: string;
}

const BY_KIND: Readonly<Partial<Record<FailureKind, ErrorForm>>> = {
  bad_request: { status: 400, code: "VALIDATION_ERROR" },
  unauthenticated: { status: 401, code: "UNAUTHENTICATED" },
  forbidden: { status: 403, code: "PERMISSION_DENIED" },
  not_found: { status: 404, code: "NOT_FOUND" },
  method_not_allowed: { status: 405, code: "METHOD_NOT_ALLOWED" },
  conflict: { status: 409, code: "CONFLICT" },
  too_large: { status: 413, code: "PAYLOAD_TOO_LARGE" },
  rate_limited: { status: 429, code: "RATE_LIMITED" },
  unavailable: { status: 503, code: "UNAVAILABLE" },
};

/** Failures for which the kind does not say enough. */
const SPECIAL: Readonly<Record<string, ErrorForm>> = {
  // The document has no 503, and no detail of the database is anybody's business.
  DATABASE_UNAVAILABLE: { status: 500, code: "DATABASE_ERROR" },
  unsupported_media_type: { status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
};

export function createErrorRenderer(limits: UserLimits): RenderError {
  return (failure, info) => {
    // What failed before it came to the service is counted here, for its caller.
    const counted = info.call?.responseHeaders.has("x-ratelimit-limit") === true;
    const taken = counted ? undefined : limits.takeFor(info);
    const limitHeaderValues = taken === undefined ? {} : limitHeaders(taken);
    if (taken?.allowed === false) {
      const headers = { ...limitHeaderValues, "retry-after": String(Math.ceil(taken.retryAfterMs / 1000)) };
      const response = { status: 429, code: "RATE_LIMITED" };
      return { status: 429, headers, body: bodyOf(response, limitError(taken).message, info.requestId) };
    }
    const read = readFailure(failure, info);
    const response = SPECIAL[read.reason] ?? BY_KIND[read.kind] ?? { status: 500, code: "INTERNAL_ERROR" };
    const body = bodyOf(response, messageOf(read, response), info.requestId, contextOf(read));
    return { status: response.status, headers: { ...failure.headers, ...limitHeaderValues }, body };
  };
}

function bodyOf({ status, code }: ErrorForm, message: string, requestId: string, context: object = {}) {
  return { error: STATUS_CODES[status] ?? "Error", message, code, requestId, context };
}

function messageOf({ message, violations, kind }: ReadFailure, { code }: ErrorForm): string {
  if (code === "DATABASE_ERROR") return "Database operation failed";
  if (kind !== "bad_request" || violations.length === 0) return sentence(message);
  return violations
    .map((violation) => [fieldOf(violation), violation.description])
    .map(([field, description = ""]) => (field === "" ? sentence(description) : `${field}: ${description}`))
    .join("; ");
}

function contextOf({ violations: [first], kind }: ReadFailure): object {
  const field = first === undefined ? "" : fieldOf(first);
  return kind !== "bad_request" || field === "" ? {} : { field };
}

/** `messages[0].role` */
function fieldOf({ path }: Violation): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
