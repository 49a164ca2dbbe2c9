// The connections for outgoing requests: which addresses they may go to, and their limits.
import type { LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";

export interface ConnectRules {
  /** Throws if a host, given without the brackets of IPv6, may not be connected to. Default: any may. */
  readonly checkHost?: (host: string) => void;
  /** Resolves names for the sockets. Default: the system's. */
  readonly lookup?: LookupFunction;
}

/** Headers and trailers of an answer, in bytes. */
const MAX_HEADER_BYTES = 16_384;

/** @param maxResponseSize how many bytes a body may have; -1: its reader counts them */
export function createGuardedAgent({ checkHost, lookup }: ConnectRules, maxResponseSize: number): Agent {
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
      connect(options, callback);
    },
  });
}
