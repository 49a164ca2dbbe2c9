// How long a request's body may take to arrive.

import { type Interrupt, Interruption } from "../../../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";

/** A stream of requests that brings so many bytes, or a whole message, has its time anew. */
const PROGRESS_BYTES = 1024;

/** Aborts when the call does, or when the body is too slow. Only the time in which its reader waits for it counts. */
export class BodyClock extends Interruption {
  readonly #timeoutMs: number;
  readonly #streams: boolean;
  readonly #call: Interrupt;
  readonly #onAbort = () => this.abort(this.#call.reason);
  #left: number;
  #since = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param streams whether the time begins anew with each step that the body makes */
  constructor(timeoutMs: number, streams: boolean, call: Interrupt) {
    super();
    this.#timeoutMs = timeoutMs;
    this.#streams = streams;
    this.#call = call;
    this.#left = timeoutMs;
    if (call.aborted) this.#onAbort();
    else call.addEventListener("abort", this.#onAbort, { once: true });
  }

  start(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => this.abort(this.#tooSlow()), this.#left);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#left = Math.max(0, this.#left - (performance.now() - this.#since));
  }

  read(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= PROGRESS_BYTES) this.progress();
  }

  progress(): void {
    this.#bytes = 0;
    if (this.#streams) this.#left = this.#timeoutMs;
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#call.removeEventListener("abort", this.#onAbort);
  }

  #tooSlow(): DomainError {
    if (!this.#streams) return bodyTooSlow(this.#timeoutMs);
    return new DomainError(
      ErrorReason.DEADLINE_EXCEEDED,
      `the request stream brought neither a whole message nor ${PROGRESS_BYTES} bytes in ${this.#timeoutMs / 1000} s`,
    );
  }
}

export function bodyTooSlow(timeoutMs: number): DomainError {
  return new DomainError(ErrorReason.DEADLINE_EXCEEDED, `the request body took longer than ${timeoutMs / 1000} s`);
}
