// Tries a unary call again when trying again is safe: a read always, a mutation because it carries a request id.
import type { Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Backoff, backoffMs, wait } from "./backoff.ts";
import { PASSING_REASONS, reasonOf, retryDelayOf } from "./reason.ts";

export interface RetryOptions extends Partial<Backoff> {
  /** How often a call is tried again. Default: 4. 0: never. */
  readonly retries?: number;
}

const DEFAULTS = { retries: 4, initialMs: 100, maxMs: 5_000 };

/**
 * Gives every mutation a request id unless it has one, and tries failed calls again. The request id stays the same from
 * try to try, so the server acts once however often it is asked.
 */
export function retrying(options: RetryOptions = {}): Interceptor {
  const { retries, ...backoff } = { ...DEFAULTS, ...options };
  return (next) => async (request) => {
    if (request.stream) return next(request);
    const repeatable = request.method.idempotency === Level.NO_SIDE_EFFECTS || ensureRequestId(request.message);
    for (let attempt = 0; ; attempt++) {
      try {
        return await next(request);
      } catch (error) {
        if (!repeatable || attempt >= retries || request.signal.aborted || !mayPass(error)) throw error;
        await wait(retryDelayOf(error) ?? backoffMs(backoff, attempt), request.signal);
      }
    }
  };
}

/** False: the request has no place for a request id. */
function ensureRequestId(message: Message & { requestId?: string }): boolean {
  if (message.requestId === undefined) return false;
  if (message.requestId === "") message.requestId = crypto.randomUUID();
  return true;
}

/** Whether a failure may be gone the next time: a lost connection, a server that restarts, a call still under way. */
export function mayPass(error: unknown): boolean {
  const reason = reasonOf(error);
  if (reason !== undefined) return PASSING_REASONS.has(reason);
  // No server of ours said it: a proxy, or fetch, which reports a lost connection as Unknown.
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || code === Code.Unknown;
}
