// One HTTP request and its one answer, the same for HTTP/1.1 and HTTP/2.

import type { RequestBody } from "./body/request-body.ts";

/** A whole answer. Header and trailer names are in lower case. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Only gRPC has them, and only over HTTP/2. */
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface Exchange {
  readonly body: RequestBody;
  readonly method: string;
  /** The request target in origin form. */
  readonly target: string;
  readonly address: string;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
  /** Calls back once, if the client goes away before it has its answer. */
  onGone(callback: () => void): void;
  /** Answers in one write. */
  send(answer: WholeAnswer): void;
  /** Gives up: there is nothing to answer any more. */
  destroy(): void;
  /** After the answer: lets go of the body. */
  release(): void;
}
