// Errors as OpenAI writes them: `{"error":{"message":…,"type":…,"param":…,"code":…}}`, and when its clients retry.
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { INVALID_REPLY } from "../../domain/turns/turn.ts";
import type { Failure, RenderError } from "../../protocols/rest/binding/mount.ts";
import { type FailureKind, type ReadFailure, readFailure, type Violation } from "../shared/errors.ts";
import { noFile } from "./files/errors.ts";

interface ErrorForm {
  readonly status: number;
  readonly type?: string;
  readonly code?: string;
}

const BY_KIND: Readonly<Partial<Record<FailureKind, ErrorForm>>> = {
  bad_request: { status: 400 },
  unauthenticated: { status: 401, code: "invalid_api_key" },
  forbidden: { status: 403, code: "insufficient_permissions" },
  not_found: { status: 404 },
  method_not_allowed: { status: 405, code: "method_not_supported" },
  // No retry helps.
  conflict: { status: 400 },
  too_large: { status: 413 },
  rate_limited: { status: 429, type: "requests", code: "rate_limit_exceeded" },
  unavailable: { status: 503, type: "server_error", code: "service_unavailable" },
};

const BY_REASON: Readonly<Record<string, ErrorForm>> = {
  // Another attempt of the same request is under way: its response is to be waited for.
  REQUEST_IN_PROGRESS: { status: 409, code: "request_in_progress" },
  CONVERSATION_CLOSED: { status: 400, code: "conversation_closed" },
  TURN_IN_PROGRESS: { status: 400, code: "conversation_locked" },
  INTERNAL: { status: 500, type: "server_error", code: "internal_error" },
};

/** The statuses that clients answer by sending the request again, unless they are told not to. */
const RETRIED = new Set([408, 409, 429, 503]);
const RETRY_AFTER_MS = "1000";

/** What the services call the fields of requests. */
const NAMES = { messages: "items", client_id: "id", page_size: "limit", page_token: "page", after_id: "after" };

export const renderError: RenderError = (failure, info) => {
  const read = readFailure(failure, info, NAMES);
  const { kind, reason } = read;
  const {
    status,
    type = "invalid_request_error",
    code,
  } = (reason === "AGENT_FAILED" ? refusedByModel(failure) : BY_REASON[reason]) ?? BY_KIND[kind] ?? otherwise(failure);
  const [violation] = read.violations;
  const param = violation === undefined || violation.place === "header" ? null : paramOf(violation);
  const error = {
    message: messageOf(read, info, param),
    type,
    param,
    code: code ?? (violation ? codeOf(violation.rule, param) : null),
  };
  // Whoever waits for its turn in vain may come again. So may who asked a model that failed: nothing is left of it.
  const mayRetry =
    !isSpent(refusalIn(failure)) &&
    (RETRIED.has(status) || reason === "TURN_IN_PROGRESS" || isPassing(reason, failure));
  return {
    status,
    headers: { ...failure.headers, ...retryHeaders(failure, mayRetry) },
    body: { error },
    event: eventOf(error, failure),
  };
};

/** The last event of a stream that fails. OpenAI documents its members beside each other, and sends them in `error`. */
function eventOf(
  error: { readonly message: string; readonly param: string | null; code: string | null },
  failure: Failure,
) {
  const { message, param, code } = error;
  return {
    type: "error",
    sequence_number: Number(metadataOf(failure)[SEQUENCE_NUMBER] ?? 0),
    code,
    message,
    param,
    error,
  };
}

/** In the metadata of an error of a stream: the number that its last event gets. */
export const SEQUENCE_NUMBER = "sequence_number";

function metadataOf({ error }: Failure): Readonly<Record<string, string>> {
  const [info] = error.findDetails(ErrorInfoSchema);
  return info?.metadata ?? {};
}

function otherwise({ status }: Failure): ErrorForm {
  return status >= 500 ? { status, type: "server_error", code: "internal_error" } : { status };
}

/** How a model's endpoint refused a request; the status is 0 where it did not. */
interface Refusal {
  readonly status: number;
  readonly code: string;
}

function refusalIn(failure: Failure): Refusal {
  const { status = 0, code = "" } = metadataOf(failure);
  return { status: Number(status), code };
}

const NO_QUOTA = "insufficient_quota";

/** Whether the server's account at a model's endpoint has nothing left, so that no retry helps. */
export function isSpent({ status, code }: Refusal): boolean {
  return status === 429 && code === NO_QUOTA;
}

/** What a model's endpoint refuses is handed on: that the request is wrong, or comes too often. */
function refusedByModel(failure: Failure): ErrorForm {
  const refusal = refusalIn(failure);
  const { status, code } = refusal;
  if (isSpent(refusal)) return { status, type: code, code };
  if (status === 429) return { status, type: "requests", code: "rate_limit_exceeded" };
  // What is wrong with the server's own credential or model is not the caller's fault.
  if (status === 400 || status === 413 || status === 422) return { status: 400, code: code || "invalid_value" };
  return { status: 502, type: "server_error", code: "server_error" };
}

/** Whether a model failed in a way that may pass: its endpoint broke, and did not refuse the request. */
function isPassing(reason: string, failure: Failure): boolean {
  const { status, code } = refusalIn(failure);
  if (code === INVALID_REPLY) return false;
  return reason === "AGENT_FAILED" && (status === 0 || status >= 500 || status === 408 || status === 429);
}

/** Clients wait as long as they are told, and send nothing again that would fail again. */
function retryHeaders({ headers }: Failure, mayRetry: boolean): Record<string, string> {
  if (!mayRetry) return { "x-should-retry": "false" };
  const seconds = headers["retry-after"];
  const ms = seconds === undefined ? RETRY_AFTER_MS : String(Number(seconds) * 1000);
  return { "x-should-retry": "true", "retry-after": seconds ?? "1", "retry-after-ms": ms };
}

/** Such as `items[1].call_id`. Parts are what the store makes of an item. */
function paramOf({ path }: Violation): string | null {
  const parts = path.indexOf("parts");
  const own = parts === -1 ? path : path.slice(0, parts);
  let text = "";
  for (const step of own) text += typeof step === "number" ? `[${step}]` : `${text === "" ? "" : "."}${step}`;
  return text === "" ? null : text;
}

function codeOf(rule: string, param: string | null): string {
  if (rule === "reference" && param === "model") return "model_not_found";
  if (rule === "reference" && param === "previous_response_id") return "previous_response_not_found";
  if (rule === "required") return "missing_required_parameter";
  // The services write a rule with underscores.
  return /^json[._]type$/.test(rule) ? "invalid_type" : "invalid_value";
}

function messageOf(
  { kind, message, violations }: ReadFailure,
  { path, verb, binding }: Parameters<RenderError>[1],
  param: string | null,
): string {
  if (kind === "not_found") {
    if (binding === undefined) return `Invalid URL (${verb} ${path})`;
    if (message === "agent not found") return `The model '${path.slice(path.lastIndexOf("/") + 1)}' does not exist.`;
    const [, file] = /\/files\/([^/]+)/.exec(path) ?? [];
    if (param === null && message === "file not found" && file !== undefined) return noFile(file);
    const [, conversation, item] = /\/conversations\/([^/]+)(?:\/items\/([^/]+))?/.exec(path) ?? [];
    const isItem = message === "item not found" || message === "message not found";
    const id = isItem ? item : conversation;
    if (param === null && id !== undefined) return `${isItem ? "Item" : "Conversation"} with id '${id}' not found.`;
  }
  const [first] = violations;
  if (first === undefined) return message;
  const subject = first.place === "header" ? first.path.join(".") : param;
  return `${subject === null ? "" : `${subject}: `}${first.description}`;
}
