// Deadlines: parses them from each protocol, and aborts a call's signal.

import { type Interrupt, Interruption } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { Wire } from "./call.ts";

/** setTimeout fires at once for anything longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const GRPC_UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** The request header in which a wire carries the caller's timeout. */
export function timeoutHeader(wire: Wire): "grpc-timeout" | "connect-timeout-ms" {
  return wire === "grpc" || wire === "grpc-web" ? "grpc-timeout" : "connect-timeout-ms";
}

/**
 * Reads the caller's timeout, in milliseconds. Undefined: none given.
 * Throws INVALID_FIELD if it is none of the forms that the gRPC and Connect protocols define.
 */
export function parseTimeout(wire: Wire, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const name = timeoutHeader(wire);
  if (name === "connect-timeout-ms") {
    if (!/^\d{1,10}$/.test(value))
      throw invalidField(name, "must be 1 to 10 digits, in milliseconds", "header.timeout");
    return Number(value);
  }
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  const unit = GRPC_UNITS[match?.[2] ?? ""];
  if (match === null || unit === undefined) {
    throw invalidField(name, "must be 1 to 8 digits and one of the units H, M, S, m, u, n", "header.timeout");
  }
  return Number(match[1]) * unit;
}

/** The signal of one call, and the means to abort it. */
export interface CallSignal {
  readonly signal: AbortSignal;
  /** The same, for those who need no AbortSignal. */
  readonly interrupt: Interrupt;
  /** The client disconnected. */
  cancel(): void;
  /** The call is over: timers and listeners go. */
  release(): void;
}

/**
 * Makes a signal that aborts with the `DomainError` that says why: DEADLINE_EXCEEDED at `deadline` (milliseconds since
 * 1970), CANCELLED on `cancel`, SHUTTING_DOWN when `stopping` aborts.
 */
export function createCallSignal(deadline: number | undefined, stopping: Interrupt): CallSignal {
  return new CallInterruption(deadline, stopping);
}

class CallInterruption extends Interruption implements CallSignal {
  readonly #stopping: Interrupt;
  readonly #onStop = () => this.abort(interrupted());
  /** By the monotonic clock: otherwise setting the system clock back would delay the response by as much. */
  readonly #end: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;

  constructor(deadline: number | undefined, stopping: Interrupt) {
    super();
    this.#stopping = stopping;
    this.#end = deadline === undefined ? undefined : performance.now() + deadline - Date.now();
    this.#arm();
    if (stopping.aborted) this.#onStop();
    else if (!this.aborted) stopping.addEventListener("abort", this.#onStop, { once: true });
  }

  get interrupt(): Interrupt {
    return this;
  }

  /** Made on its first use: most calls need none, and it costs more than all the rest of this. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  cancel(): void {
    this.abort(callerGone());
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#stopping.removeEventListener("abort", this.#onStop);
  }

  override abort(reason: unknown): void {
    this.release();
    super.abort(reason);
    this.#controller?.abort(this.reason);
  }

  #arm(): void {
    if (this.#end === undefined) return;
    const left = this.#end - performance.now();
    if (left <= 0) this.abort(deadlineExceeded());
    else this.#timer = setTimeout(() => this.#arm(), Math.min(left, LONGEST_TIMER_MS));
  }
}

/**
 * Settles as the promise does, or rejects with the signal's reason if that aborts first; the promise is then left to
 * itself.
 */
export function orAborted<T>(promise: Promise<T>, signal: Interrupt): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const leave = () => signal.removeEventListener("abort", onAbort);
    promise.then(
      (value) => {
        leave();
        resolve(value);
      },
      (error) => {
        leave();
        reject(error);
      },
    );
  });
}

/** The client no longer waits for the response. */
export function callerGone(): DomainError {
  return new DomainError(ErrorReason.CANCELLED, "the caller disconnected");
}

export function deadlineExceeded(): DomainError {
  return new DomainError(ErrorReason.DEADLINE_EXCEEDED, "the deadline has passed");
}

/** Of a call that was under way: it may have acted. */
function interrupted(): DomainError {
  return new DomainError(ErrorReason.SHUTTING_DOWN, "the server is shutting down and did not wait for the call", {
    metadata: { outcome: "unknown" },
  });
}

export function shuttingDown(): DomainError {
  return new DomainError(ErrorReason.SHUTTING_DOWN, "the server is shutting down; retry on another connection");
}
