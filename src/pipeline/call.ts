// What every wire hands to the pipeline, and what the pipeline hands to a service.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Interrupt } from "../domain/cancellation.ts";
import type { Principal } from "../domain/identity/principal.ts";

export type Wire = "connect" | "grpc" | "grpc-web" | "rest";

/** What a wire knows of a call once its headers are in, before its body is read. */
export interface CallHead {
  readonly method: DescMethod;
  readonly wire: Wire;
  /** A request header by its lower-case name. Several of one name come joined by ", ". */
  header(name: string): string | undefined;
  /** The address of the peer. What a call is counted and audited by is its context's. */
  readonly address: string;
  /**
   * Aborts when the client goes away, the deadline passes or the server stops, with a `DomainError` that says which
   * (see `createCallSignal`). May be made on first use.
   */
  readonly signal: AbortSignal;
  /** What `signal` says, for those who need no AbortSignal: it costs next to nothing. */
  readonly interrupt: Interrupt;
  /** When the caller stops waiting, in milliseconds since 1970. Undefined: no limit of its own. */
  readonly deadline: number | undefined;
}

/** Everything a handler may know about its call. Passed explicitly: AsyncLocalStorage does not survive streaming. */
export interface CallContext {
  readonly method: DescMethod;
  readonly wire: Wire;
  /** The caller's `X-Request-Id` where it is well-formed, else a new UUIDv7. Answered, logged and audited. */
  readonly requestId: string;
  /** The key under which a mutation acts once: the request's `request_id`, else `Idempotency-Key`, else undefined. */
  readonly idempotencyKey: string | undefined;
  /** Who calls. Known once the call is admitted; asking earlier throws. */
  readonly principal: Principal;
  /** The address of the client: of the peer, or what a trusted proxy says. */
  readonly address: string;
  /** Aborts with a `DomainError` that says why: DEADLINE_EXCEEDED, CANCELLED or SHUTTING_DOWN. */
  readonly signal: AbortSignal;
  /** The same, for the store and others who need no AbortSignal: it costs next to nothing. */
  readonly interrupt: Interrupt;
  readonly deadline: number | undefined;
  readonly log: Logger;
  header(name: string): string | undefined;
  /** Sets a header of the answer; a lower-case name. */
  setHeader(name: string, value: string): void;
  /** Sets the HTTP status of a streamed raw answer over REST, before its first message; elsewhere it says nothing. */
  setStatus(status: number): void;
  /**
   * For a stream that stands though it has nothing to say yet: sends the headers of the answer. A failure from here on
   * has no status of its own over REST.
   */
  flushHeaders(): void;
  /**
   * Says how many bytes the service holds of the requests of a stream that it has taken: they count among what request
   * bodies may hold. Throws OVERLOADED if that becomes too much.
   */
  held(bytes: number): void;
  /** Calls `act` once, when the call is over: its answer was handed on to be sent, or it failed. */
  onceOver(act: () => void): void;
}

/**
 * One call on its way. A wire makes it when the headers are in, then goes
 * `admit` → (decode) → `unary` or `stream` → (encode) → `end`, and on any error `fail`.
 */
export interface Call {
  /**
   * Whether more comes than can be done: then the error to send, and the call is over. For wires that can answer so for
   * less than an exception costs; comes before `admit`, which sees to it for the others.
   */
  turnAway(): ConnectError | undefined;
  readonly context: CallContext;
  /** Who calls; undefined until the call is admitted, and for good if its credential is refused. */
  readonly caller: Principal | undefined;
  /** Authenticates and counts against rate limits; undefined: it is done. Comes before the body is read. */
  admit(): Promise<void> | undefined;
  /** Validates the decoded request and lets the service act. Methods with one request and one response. */
  unary(request: Message): Promise<Message>;
  /** The same for every streaming kind; a server-streaming method gets an iterable of its one request. */
  stream(requests: AsyncIterable<Message>): AsyncIterable<Message>;
  /** Headers that the answer carries, whether it is a success or an error. */
  readonly responseHeaders: ReadonlyMap<string, string>;
  /** What the service set as the HTTP status of its answer. Undefined: that of the binding. */
  readonly status: number | undefined;
  /** Called when the service has nothing to send yet, but the call stands: the headers may go out. */
  onFlushHeaders: (() => void) | undefined;
  /** Called with how much the service holds of a stream of requests. */
  onHeld: ((bytes: number) => void) | undefined;
  /** Records success, unless a failure or success was recorded before. For logs and metrics. */
  end(): void;
  /** Records a failure once, and gives the error to send: never one with internals in it. Again gives the first. */
  fail(error: unknown): ConnectError;
}
