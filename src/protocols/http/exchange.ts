// One HTTP request and its response, the same for HTTP/1.1 and HTTP/2.

import type { RequestBody } from "./body/request-body.ts";

/** A whole response. Header and trailer names are in lower case. */
export interface WholeResponse {
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
  /** Calls back once, if the client disconnects before it has the response. */
  onGone(callback: () => void): void;
  /** Sends the response in one write. */
  send(response: WholeResponse): void;
  /** Aborts the exchange: no response can be sent any more. */
  destroy(): void;
  /** After the response: releases the body. */
  release(): void;
}
