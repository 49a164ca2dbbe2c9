// One HTTP request and its one answer, the same for HTTP/1.1 and HTTP/2.

import type { Interrupt } from "../../domain/interrupt.ts";

/** A whole answer. Header and trailer names are in lower case. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Only gRPC has them, and only over HTTP/2. */
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface BodyLimits {
  /** Bytes at most; past it, {@link OVERLONG} is read. */
  readonly maxBytes: number;
  /** How long the body may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the reading. Asked for only when the body is not there yet. */
  readonly interrupt: () => Interrupt;
}

/** A body that is longer than it may be; the beginning of it is kept. */
export interface Overlong {
  readonly beginning: Buffer;
}

export interface Exchange {
  readonly method: string;
  /** The request target in origin form. */
  readonly target: string;
  readonly address: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
  /** Calls back once, if the client goes away before it has its answer. */
  onGone(callback: () => void): void;
  /** Reads the body. Rejects with the signal's reason, with DEADLINE_EXCEEDED after the timeout, or if it breaks off. */
  read(limits: BodyLimits): Promise<Buffer | Overlong>;
  /** Answers in one write. */
  send(answer: WholeAnswer): void;
  /** Gives up: there is nothing to answer any more. */
  destroy(): void;
  /** After the answer: lets go of a body that was not read. */
  release(): void;
}

export function isOverlong(body: Buffer | Overlong): body is Overlong {
  return "beginning" in body;
}
