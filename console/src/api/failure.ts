// Failed calls, as people read them.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { reasonOf } from "../../../src/client/reason.ts";
import { text } from "../strings/en.ts";

/** Codes of refusals that the same call meets again. */
const LASTING: readonly Code[] = [Code.InvalidArgument, Code.OutOfRange, Code.PermissionDenied, Code.Unimplemented];
/** A proxy that takes no body of this size. */
const TOO_LARGE = 413;
/** A proxy that limits calls reaches the server. */
const TOO_MANY = 429;

export interface Failure {
  readonly message: string;
  /** By which the server's log names the call. Undefined: the call did not reach it. */
  readonly requestId: string | undefined;
  readonly code: string;
}

/** @param isLost whether the server cannot be reached now */
export function failureOf(error: unknown, isLost: boolean): Failure {
  const failure = ConnectError.from(error);
  const requestId = failure.metadata.get("x-request-id") ?? undefined;
  return { message: messageOf(failure, error, isLost), requestId, code: Code[failure.code] ?? "Unknown" };
}

function messageOf(failure: ConnectError, error: unknown, isLost: boolean): string {
  const status = proxyStatus(failure);
  if (status !== undefined) return text.failure.proxy(status);
  // Only calls tell whether the server is there again.
  const isBack = !isLost && error instanceof ConnectError;
  if (isUnreachable(error)) return isBack ? text.failure.reachableAgain : text.failure.unreachable;
  if (failure.code === Code.PermissionDenied) return `${text.failure.forbidden} ${failure.rawMessage}`;
  return failure.rawMessage || text.failure.title;
}

/** Whether the same call would fail again, whenever it is made: to try again is of no use. */
export function isLasting(error: unknown): boolean {
  const failure = ConnectError.from(error);
  const isTooLarge = reasonOf(failure) === ErrorReason.TOO_LARGE || proxyStatus(failure) === TOO_LARGE;
  return isTooLarge || LASTING.includes(failure.code);
}

/** The status of a response that is not the server's: all of its have a request id. */
function proxyStatus({ metadata, rawMessage }: ConnectError): number | undefined {
  if (metadata.has("x-request-id")) return undefined;
  const [, status] = /^HTTP (\d{3})$/.exec(rawMessage) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** Whether no response came, as `fetch` reports it or a proxy that has nothing behind it. */
export function isUnreachable(error: unknown): boolean {
  const failure = ConnectError.from(error);
  if (failure.metadata.has("x-request-id") || proxyStatus(failure) === TOO_MANY) return false;
  return failure.code === Code.Unavailable || (failure.code === Code.Unknown && failure.cause instanceof TypeError);
}
