// A2A's errors: the same one as a JSON-RPC error, as a status of HTTP and as a gRPC status.
import type { JsonValue } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { reasonOf } from "../../protocols/rest/response/rpc-status.ts";

const DOMAIN = "a2a-protocol.org";

interface Kind {
  readonly code: number;
  readonly status: number;
  readonly name: string;
}

const KINDS = {
  TASK_NOT_FOUND: { code: -32001, status: 404, name: "NOT_FOUND" },
  TASK_NOT_CANCELABLE: { code: -32002, status: 400, name: "FAILED_PRECONDITION" },
  PUSH_NOTIFICATION_NOT_SUPPORTED: { code: -32003, status: 400, name: "FAILED_PRECONDITION" },
  UNSUPPORTED_OPERATION: { code: -32004, status: 400, name: "FAILED_PRECONDITION" },
  VERSION_NOT_SUPPORTED: { code: -32009, status: 400, name: "FAILED_PRECONDITION" },
} as const satisfies Record<string, Kind>;

type KindName = keyof typeof KINDS;

function own(kind: KindName, reason: ErrorReason, message: string): DomainError {
  return new DomainError(reason, message, { foreign: { domain: DOMAIN, reason: kind } });
}

export function taskNotFound(): DomainError {
  return own("TASK_NOT_FOUND", ErrorReason.NOT_FOUND, "task not found");
}

export function notCancelable(state: string): DomainError {
  return own("TASK_NOT_CANCELABLE", ErrorReason.CONFLICT, `the task has ended: ${state}`);
}

export function unsupported(message: string): DomainError {
  return own("UNSUPPORTED_OPERATION", ErrorReason.CONFLICT, message);
}

export function pushNotSupported(): DomainError {
  const text = "push notifications are not served: webhooks tell of what happens";
  return own("PUSH_NOTIFICATION_NOT_SUPPORTED", ErrorReason.CONFLICT, text);
}

export function versionNotSupported(version: string): DomainError {
  const text = `version ${version.slice(0, 20)} of A2A is not served: A2A-Version must be 1.0`;
  return own("VERSION_NOT_SUPPORTED", ErrorReason.CONFLICT, text);
}

export interface Told {
  /** JSON-RPC's. */
  readonly code: number;
  /** HTTP's. */
  readonly status: number;
  /** gRPC's, such as `NOT_FOUND`. */
  readonly name: string;
  readonly message: string;
  readonly details: JsonValue[];
}

const PLAIN: Readonly<Record<string, Kind>> = {
  INVALID_FIELD: { code: -32602, status: 400, name: "INVALID_ARGUMENT" },
  UNKNOWN_REFERENCE: { code: -32602, status: 400, name: "INVALID_ARGUMENT" },
  INVALID_PAGE_TOKEN: { code: -32602, status: 400, name: "INVALID_ARGUMENT" },
  ALREADY_EXISTS: { code: -32602, status: 400, name: "INVALID_ARGUMENT" },
  MALFORMED_BODY: { code: -32700, status: 400, name: "INVALID_ARGUMENT" },
  NOT_FOUND: KINDS.TASK_NOT_FOUND,
  NOT_AWAITED: KINDS.UNSUPPORTED_OPERATION,
  CONVERSATION_CLOSED: KINDS.UNSUPPORTED_OPERATION,
};

/** JSON-RPC's code of what A2A has no word for and the server foresees, such as a scope that the key lacks. */
const REFUSED = -32000;

/** @param status the status that the API itself gives the error, for those that A2A has no word for */
export function tell(error: ConnectError, status = 500): Told {
  const reason = reasonOf(error) ?? "INTERNAL";
  const named = ownOf(error);
  const kind = (named && KINDS[named]) ??
    PLAIN[reason] ?? { code: reason === "INTERNAL" ? -32603 : REFUSED, status, name: nameOf(error.code) };
  const detail = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: named ?? (kind === KINDS.TASK_NOT_FOUND ? "TASK_NOT_FOUND" : reason),
    domain: DOMAIN,
  };
  return { ...kind, message: error.rawMessage, details: [detail] };
}

/** Which of A2A's own errors it is. */
function ownOf({ details }: ConnectError): KindName | undefined {
  for (const detail of details) {
    if (!("desc" in detail) || detail.desc.typeName !== ErrorInfoSchema.typeName) continue;
    const { domain, reason } = detail.value as { domain?: string; reason?: string };
    if (domain === DOMAIN && reason !== undefined && reason in KINDS) return reason as KindName;
  }
  return undefined;
}

function nameOf(code: Code): string {
  return (Code[code] ?? "Internal").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
