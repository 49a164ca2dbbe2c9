// Reads a failure for the dialects' error renderers: reason and broken rules, with fields in the names of their JSON.
import { create, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { BadRequestSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { DomainError } from "../../domain/errors.ts";
import { IDEMPOTENCY_HEADER } from "../../pipeline/call/idempotency-key.ts";
import { bareListOf } from "../../protocols/rest/binding/bare-list.ts";
import type { CallInfo, Failure } from "../../protocols/rest/binding/mount.ts";
import type { Place } from "../../protocols/rest/binding/problem.ts";
import { reasonOf } from "../../protocols/rest/response/rpc-status.ts";

/** One broken rule. */
export interface Violation {
  /** Where the value stood. */
  readonly place: Place;
  /** The steps to the field, in its JSON names; an index is a number. Empty: the body as a whole. */
  readonly path: readonly (string | number)[];
  readonly description: string;
  /** A stable id of the rule, such as `string_max_len`. */
  readonly rule: string;
}

/** Why a request failed. */
export type FailureKind =
  // A value breaks a rule, or the body cannot be read.
  | "bad_request"
  | "unauthenticated"
  | "forbidden"
  // There is no such thing, or no such path.
  | "not_found"
  | "method_not_allowed"
  // It collides with what is there or under way.
  | "conflict"
  | "too_large"
  | "rate_limited"
  // The database or the server cannot serve this now.
  | "unavailable"
  | "other";

/** The HTTP status of each kind, where a dialect has no other. */
export const STATUSES = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
} as const satisfies Readonly<Partial<Record<FailureKind, number>>>;

export interface ReadFailure {
  readonly kind: FailureKind;
  /** The `ErrorReason` without its prefix, such as `NOT_FOUND`; of a problem with the HTTP request its kind. */
  readonly reason: string;
  readonly message: string;
  readonly violations: readonly Violation[];
}

const KINDS: Readonly<Record<string, FailureKind>> = {
  INVALID_FIELD: "bad_request",
  MALFORMED_BODY: "bad_request",
  INVALID_PAGE_TOKEN: "bad_request",
  REQUEST_ID_REUSED: "bad_request",
  UNKNOWN_REFERENCE: "bad_request",
  CREDENTIAL_MISSING: "unauthenticated",
  CREDENTIAL_INVALID: "unauthenticated",
  SCOPE_MISSING: "forbidden",
  PERMISSION_DENIED: "forbidden",
  NOT_FOUND: "not_found",
  ALREADY_EXISTS: "conflict",
  ETAG_MISMATCH: "conflict",
  NOT_DELETED: "conflict",
  CONVERSATION_CLOSED: "conflict",
  CONFLICT: "conflict",
  REQUEST_IN_PROGRESS: "conflict",
  TURN_IN_PROGRESS: "conflict",
  TOO_LARGE: "too_large",
  RATE_LIMITED: "rate_limited",
  QUOTA_EXCEEDED: "rate_limited",
  FILE_QUOTA_EXCEEDED: "too_large",
  OVERLOADED: "unavailable",
  DATABASE_UNAVAILABLE: "unavailable",
  FILES_UNAVAILABLE: "unavailable",
  SHUTTING_DOWN: "unavailable",
  DEADLINE_EXCEEDED: "unavailable",
  invalid: "bad_request",
  malformed: "bad_request",
  not_found: "not_found",
  method_not_allowed: "method_not_allowed",
  not_acceptable: "other",
  precondition_failed: "conflict",
  too_large: "too_large",
  unsupported_media_type: "other",
};

/** No request of a dialect has a field for the key under which it acts once: it comes in this header alone. */
const KEY = { place: "header", path: [IDEMPOTENCY_HEADER] } as const;
const KEY_NAMES: readonly string[] = [IDEMPOTENCY_HEADER, "request_id"];

/** Reads a failure. `names`: what the dialect calls the services' fields, where that differs. */
export function readFailure(
  { error, problem }: Failure,
  { binding }: CallInfo,
  names: Readonly<Record<string, string>> = {},
): ReadFailure {
  const reason = problem?.kind ?? reasonOf(error) ?? "INTERNAL";
  const input = binding?.method.input;
  const pathIn = (place: Place, field: string) => {
    const path = jsonPath(
      input,
      steps(field).map((step) => names[step] ?? step),
    );
    // The body is the field, so its own name stands nowhere in it.
    const bare = place === "body" && binding?.body.kind === "field" && path[0] === binding.body.field.jsonName;
    return bare ? path.slice(1) : path;
  };
  const violations =
    problem?.violations.map(({ place, field, description, rule }) => ({
      place,
      path: place === "header" ? [field] : pathIn(place, field),
      description,
      rule,
    })) ??
    brokenRules(error.details).map(({ field, description, reason: rule }) => {
      const [first = ""] = steps(field);
      if (KEY_NAMES.includes(String(first))) return { ...KEY, description, rule: rule.toLowerCase() };
      const place = placeOf(binding, names[first] ?? String(first));
      return { place, path: pathIn(place, field), description, rule: rule.toLowerCase() };
    });
  return { kind: KINDS[reason] ?? "other", reason, message: problem?.message ?? spokenMessage(error), violations };
}

/** Errors of access are sentences in the dialects, as the APIs that they speak have them. */
function spokenMessage({ rawMessage, cause }: Failure["error"]): string {
  const isSentence = cause instanceof DomainError && cause.details.sentence;
  return isSentence ? `${rawMessage.charAt(0).toUpperCase()}${rawMessage.slice(1)}.` : rawMessage;
}

interface Rule {
  readonly field: string;
  readonly description: string;
  readonly reason: string;
}

function brokenRules(details: Failure["error"]["details"]): readonly Rule[] {
  for (const detail of details) {
    if (!("desc" in detail) || detail.desc.typeName !== BadRequestSchema.typeName) continue;
    const value = isMessage(detail.value as Message, BadRequestSchema)
      ? (detail.value as ReturnType<typeof create<typeof BadRequestSchema>>)
      : create(BadRequestSchema, detail.value as object);
    return value.fieldViolations;
  }
  return [];
}

/** Where a field of the request stands in HTTP. */
function placeOf(binding: CallInfo["binding"], field: string): Place {
  if (binding?.variables.some(({ path }) => path[0].name === field)) return "path";
  if (binding === undefined || binding.body.kind === "none") return "query";
  return binding.body.kind === "all" || binding.body.field.name === field ? "body" : "query";
}

/** `messages[3].client_time` → ["messages", 3, "client_time"] */
function steps(field: string): (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(([, index, key, name]) =>
    index !== undefined ? Number(index) : (key ?? name ?? ""),
  );
}

/**
 * A path in the names of the contract as the request's JSON spells it. A rule of the services names their fields, such
 * as `conversation.title`: what the dialect has no field for is left out in front.
 */
function jsonPath(input: DescMessage | undefined, path: readonly (string | number)[]): (string | number)[] {
  const start = input?.fields.some(({ name }) => name === path[0]) === false && path.length > 1 ? 1 : 0;
  const spelled: (string | number)[] = [];
  let message: DescMessage | undefined = input;
  let list: ReturnType<typeof bareListOf>;
  for (const step of path.slice(start)) {
    const inList = list !== undefined && (typeof step === "number" || step === list.name);
    // The rules of the contract name the message around a bare list, the faults of its JSON do not.
    if (list !== undefined && inList) message = list.message;
    if (typeof step === "number") spelled.push(step);
    else if (!inList) {
      const found = message?.fields.find(({ name, jsonName }) => name === step || jsonName === step);
      message = found !== undefined && "message" in found ? found.message : undefined;
      list = found && bareListOf(found);
      spelled.push(found?.jsonName ?? step);
      continue;
    }
    list = undefined;
  }
  return spelled;
}
