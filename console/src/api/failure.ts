// Failed calls, as people read them.
import { Code, ConnectError } from "@connectrpc/connect";
import { text } from "../strings/en.ts";

export interface Failure {
  readonly message: string;
  /** By which the server's log names the call. Undefined: the call did not reach it. */
  readonly requestId: string | undefined;
  readonly code: string;
}

export function failureOf(error: unknown): Failure {
  const failure = ConnectError.from(error);
  const requestId = failure.metadata.get("x-request-id") ?? undefined;
  return { message: messageOf(failure, error), requestId, code: Code[failure.code] ?? "Unknown" };
}

function messageOf(failure: ConnectError, error: unknown): string {
  if (isUnreachable(error)) return text.failure.unreachable;
  if (failure.code === Code.PermissionDenied) return `${text.failure.forbidden} ${failure.rawMessage}`;
  return failure.rawMessage || text.failure.title;
}

/** Whether no response came, as `fetch` reports it or a proxy that has nothing behind it. */
export function isUnreachable(error: unknown): boolean {
  const failure = ConnectError.from(error);
  if (failure.metadata.has("x-request-id")) return false;
  return failure.code === Code.Unavailable || (failure.code === Code.Unknown && failure.cause instanceof TypeError);
}
