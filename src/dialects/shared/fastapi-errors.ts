// Errors as FastAPI writes them: `{"detail": …}`, and for a request that breaks rules one entry for each.
import type { CallInfo, Failure, RenderError } from "../../protocols/rest/binding/mount.ts";
import { type FailureKind, type ReadFailure, readFailure, STATUSES, type Violation } from "./errors.ts";

export interface FastApiOptions {
  /** What a dialect answers otherwise. Default: nothing. */
  readonly statusOf?: StatusOf;
  /** What the services' fields are called here, where that differs. */
  readonly names?: Readonly<Record<string, string>>;
}

/** The status of a failure; undefined leaves the usual one. */
export type StatusOf = (failure: ReadFailure, info: CallInfo) => number | undefined;

const OWN_STATUSES: Readonly<Partial<Record<FailureKind, number>>> = { ...STATUSES, bad_request: 422 };

/** What pydantic calls the kinds of rules, by the rules' ids here. */
const TYPES: Readonly<Record<string, string>> = {
  required: "missing",
  enum: "enum",
  string_in: "enum",
  string_min_len: "string_too_short",
  string_max_len: "string_too_long",
  string_max_bytes: "string_too_long",
  string_uuid: "uuid_parsing",
  string_uuid_empty: "uuid_parsing",
  int32_gte: "greater_than_equal",
  int32_gte_lte: "less_than_equal",
  int32: "int_parsing",
  repeated_max_items: "too_long",
  json_type: "type_error",
};

export function fastApiErrors({ statusOf, names }: FastApiOptions = {}): RenderError {
  return (failure: Failure, info: CallInfo) => {
    const read = readFailure(failure, info, names);
    const status = statusOf?.(read, info) ?? OWN_STATUSES[read.kind] ?? failure.status;
    return { status, headers: headersOf(status, failure), body: { detail: detailOf(status, read, failure, info) } };
  };
}

function headersOf(status: number, { headers }: Failure): Failure["headers"] {
  // RFC 9110 §11.6.1 for 401, §10.2.3 for 503.
  if (status === 401) return { ...headers, "www-authenticate": "Bearer" };
  return status === 503 ? { "retry-after": "1", ...headers } : headers;
}

function detailOf(status: number, { violations, message, reason }: ReadFailure, failure: Failure, info: CallInfo) {
  if (status !== 422) return message;
  if (violations.length > 0) return violations.map(entryOf);
  const place = info.binding === undefined || info.binding.body.kind === "none" ? "query" : "body";
  const type = failure.problem?.kind === "malformed" ? "json_invalid" : reason.toLowerCase();
  return [{ loc: [place], msg: message, type }];
}

function entryOf({ place, path, description, rule }: Violation) {
  return { loc: [place, ...path], msg: description, type: TYPES[rule.replaceAll(".", "_")] ?? "value_error" };
}
