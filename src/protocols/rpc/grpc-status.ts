// How a call of gRPC or gRPC-Web ended, as its trailers say it.
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

const MESSAGE = "grpc-message";

/**
 * What gRPC's specification has percent-encoded: all but printable ASCII, and the percent sign. So are spaces at either
 * end, which HTTP takes away.
 */
const ENCODED = /[^\x20-\x24\x26-\x7e]+|^ +| +$/gu;

export function encodeMessage(text: string): string {
  return text.toWellFormed().replace(ENCODED, encodeURIComponent);
}

/** The trailers of a call. @param error what it failed with; undefined: it succeeded */
export function statusTrailers(error: ConnectError | undefined): Headers {
  const trailers = setTrailerStatus(new Headers(), error);
  if (error !== undefined) trailers.set(MESSAGE, encodeMessage(error.rawMessage));
  return trailers;
}
