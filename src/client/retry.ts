// Tries a unary call again when trying again is safe: a read always, a mutation because it carries a request id.
import { clone, type Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type UnaryRequest } from "@connectrpc/connect";
import { type Backoff, pauseMs, wait } from "./backoff.ts";
import { PASSING_REASONS, reasonOf, retryDelayOf } from "./reason.ts";

export interface RetryOptions extends Partial<Backoff> {
  /** How often a call is tried again at most. Default: as often as `budgetMs` allows. 0: never. */
  readonly retries?: number;
  /**
   * How long after its first attempt a call is tried again, in milliseconds. Default: the client's `timeoutMs`, or
   * 30,000.
   */
  readonly budgetMs?: number;
}

const DEFAULTS = { retries: Number.POSITIVE_INFINITY, budgetMs: 30_000, initialMs: 100, maxMs: 5_000 };

/**
 * Gives every mutation a request id unless it has one, and tries failed calls again. The request id stays the same from
 * try to try, so the server acts once however often it is asked.
 */
export function retrying(options: RetryOptions = {}): Interceptor {
  const { retries, budgetMs, ...backoff } = { ...DEFAULTS, ...options };
  return (next) => async (given) => {
    if (given.stream) return next(given);
    const request = withRequestId(given);
    const repeatable = request.method.idempotency === Level.NO_SIDE_EFFECTS || hasRequestId(request.message);
    const endsAt = performance.now() + budgetMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await next(request);
      } catch (error) {
        if (!repeatable || attempt >= retries || request.signal.aborted || !mayPass(error)) throw error;
        const pause = pauseMs(backoff, attempt, retryDelayOf(error));
        // The failure says more than a deadline that passes during the pause.
        if (performance.now() + pause >= endsAt) throw error;
        await wait(pause, request.signal);
      }
    }
  };
}

type Identified = Message & { requestId?: string };

/** The message may be the caller's own, who may send it again and mean a call of its own: the id goes into a copy. */
function withRequestId(request: UnaryRequest): UnaryRequest {
  if ((request.message as Identified).requestId !== "") return request;
  const message: Identified = clone(request.method.input, request.message);
  message.requestId = crypto.randomUUID();
  return { ...request, message };
}

/** False: the request has no place for one. */
function hasRequestId(message: Identified): boolean {
  return message.requestId !== undefined;
}

/** Whether a failure may be gone the next time: a lost connection, a server that restarts, a call still under way. */
export function mayPass(error: unknown): boolean {
  const reason = reasonOf(error);
  if (reason !== undefined) return PASSING_REASONS.has(reason);
  // No server of ours said it: a proxy, or fetch, which reports a lost connection as Unknown.
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || code === Code.Unknown;
}
