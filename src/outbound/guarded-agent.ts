// The connections for outgoing requests: which addresses they may go to, and their limits.
import type { LookupFunction, Socket } from "node:net";
import { Agent, buildConnector } from "undici";
import { watchIdleLoss } from "./idle-losses.ts";
import { passOverContinue } from "./interim-responses.ts";

export interface ConnectRules {
  /** Throws if a host, given without the brackets of IPv6, may not be connected to. Default: any may. */
  readonly checkHost?: (host: string) => void;
  /** Resolves names for the sockets. Default: the system's. */
  readonly lookup?: LookupFunction;
}

/** Headers and trailers of a response, in bytes. */
const MAX_HEADER_BYTES = 16_384;

/** What a receiver writes in answer to one request was more than is read. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";
  readonly code = "ANSWER_TOO_LONG";
}

/**
 * @param maxResponseSize how many bytes a body may have; -1: its reader counts them
 * @param maxReceived how many bytes may come in answer to a request in all, also before its headers: status lines
 * without end,
 *   or interim responses without number, which nobody else counts. Default: any
 */
export function createGuardedAgent(
  { checkHost, lookup }: ConnectRules,
  maxResponseSize: number,
  maxReceived = Number.POSITIVE_INFINITY,
): Agent {
  const connect = buildConnector({ allowH2: false, ...(lookup && { lookup }) });
  return new Agent({
    // Whoever asks has time limits of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize,
    connect(options, callback) {
      try {
        checkHost?.(options.hostname.replace(/^\[(.*)\]$/, "$1"));
      } catch (error) {
        return callback(error as Error, null);
      }
      connect(options, (...result) => {
        // Undefined if it failed.
        if (result[1]) {
          limitReceived(result[1], maxReceived);
          passOverContinue(result[1]);
          watchIdleLoss(result[1]);
        }
        callback(...result);
      });
    },
  });
}

/** Breaks a connection off when too much has come since the last request was written. */
function limitReceived(socket: Socket, max: number): void {
  if (max === Number.POSITIVE_INFINITY) return;
  let [written, before] = [0, 0];
  socket.on("readable", () => {
    if (socket.bytesWritten !== written) [written, before] = [socket.bytesWritten, socket.bytesRead];
    else if (socket.bytesRead - before > max) socket.destroy(new AnswerTooLong());
  });
}
