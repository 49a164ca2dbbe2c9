// A call, as protocols pass it to the pipeline, and its context, as the pipeline passes it to services.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import type { Form } from "../../domain/protobuf/kept-list.ts";

export type Wire = "connect" | "grpc" | "grpc-web" | "rest";

/** A call after its headers were read and before its body is. */
export interface CallHead {
  readonly method: DescMethod;
  readonly wire: Wire;
  /** A request header by its lower-case name. Several of one name come joined by ", ". */
  header(name: string): string | undefined;
  /** Whether the response has headers alone, as that to HEAD. Undefined: it has a body too. */
  readonly headersOnly?: boolean;
  /** How the one response is encoded as a whole. Undefined: otherwise, or that is not known. */
  readonly form?: Form | undefined;
  /** The address of the peer. Counts and audit rows use the context's `address`. */
  readonly address: string;
  /**
   * Aborts when the client disconnects, the deadline passes or the server stops, with a `DomainError` that says which
   * (see `createCallSignal`). May be made on first use.
   */
  readonly signal: AbortSignal;
  /** Aborts like `signal`, at almost no cost, for code that needs no AbortSignal. */
  readonly interrupt: Interrupt;
  /** The caller's deadline, in milliseconds since 1970. Undefined: the caller set none. */
  readonly deadline: number | undefined;
  /** See {@link CallContext.onceSent}. Undefined: the protocol does not know. */
  onceSent?(act: (received: boolean) => void): void;
}

/** The context of a call for its handler. Passed explicitly: AsyncLocalStorage does not survive streaming. */
export interface CallContext {
  readonly method: DescMethod;
  readonly wire: Wire;
  /** The caller's `X-Request-Id` where it is well-formed, else a new UUIDv7. Returned, logged and audited. */
  readonly requestId: string;
  /** The idempotency key of a mutation: the request's `request_id`, else `Idempotency-Key`, else undefined. */
  readonly idempotencyKey: string | undefined;
  /** What tells requests with this key from each other. Undefined: a hash of the method's own request. */
  readonly fingerprint?: Uint8Array | undefined;
  /** The authenticated caller. Throws before the call is admitted. */
  readonly principal: Principal;
  /** The address of the client: the peer's, or the one that a trusted proxy reports. */
  readonly address: string;
  /** Aborts with a `DomainError` that says why: DEADLINE_EXCEEDED, CANCELLED or SHUTTING_DOWN. */
  readonly signal: AbortSignal;
  /** The same at almost no cost, for the store and other code that needs no AbortSignal. */
  readonly interrupt: Interrupt;
  readonly deadline: number | undefined;
  readonly log: Logger;
  header(name: string): string | undefined;
  /** See {@link CallHead.headersOnly}. */
  readonly headersOnly?: boolean;
  /** See {@link CallHead.form}. */
  readonly form?: Form | undefined;
  /** Sets a response header; a lower-case name. */
  setHeader(name: string, value: string): void;
  /** Sets the HTTP status of a raw response stream over REST, before its first message; other protocols ignore it. */
  setStatus(status: number): void;
  /**
   * Sends the response headers of a stream that is open and has no message yet. A later failure has no HTTP status of
   * its own over REST.
   */
  flushHeaders(): void;
  /**
   * Reports how many bytes of a stream's request messages the service holds: they count towards the memory limit of
   * request bodies. Throws OVERLOADED past that limit.
   */
  held(bytes: number): void;
  /** Calls `act` once, when the call is over: its response was passed on to be sent, or it failed. */
  onceOver(act: () => void): void;
  /**
   * Calls `act` once, after the response was sent: whether the caller received it, as far as a server can know. Where
   * the protocol does not know, it did.
   */
  onceSent(act: (received: boolean) => void): void;
}

/**
 * A call in the pipeline. A protocol creates it when the headers were read, then goes
 * `admit` → (decode) → `unary` or `stream` → (encode) → `end`, and on any error `fail`.
 */
export interface Call {
  /**
   * The error to send if the server is overloaded; the call is then over. Called before `admit`, by protocols that can
   * send it for less than an exception costs; `admit` throws it for the others.
   */
  turnAway(): ConnectError | undefined;
  readonly context: CallContext;
  /** The authenticated caller; undefined until the call is admitted, and if its credential is refused. */
  readonly caller: Principal | undefined;
  /** Authenticates and applies rate limits, before the body is read. Undefined: done without waiting. */
  admit(): Promise<void> | undefined;
  /** Validates the decoded request and calls the service. For unary methods. */
  unary(request: Message): Promise<Message>;
  /** The same for every streaming kind; a server-streaming method gets an iterable of its one request. */
  stream(requests: AsyncIterable<Message>): AsyncIterable<Message>;
  /** Response headers, of a success or an error. */
  readonly responseHeaders: ReadonlyMap<string, string>;
  /** The HTTP status that the service set. Undefined: that of the binding. */
  readonly status: number | undefined;
  /** Called when the stream is open but has no message yet: the headers may be sent. */
  onFlushHeaders: (() => void) | undefined;
  /** Called with the bytes of a request stream that the service holds. */
  onHeld: ((bytes: number) => void) | undefined;
  /** Records success, unless a failure or success was recorded before. For logs and metrics. */
  end(): void;
  /** Records a failure once, and returns the error to send, without internals. Later calls return the first. */
  fail(error: unknown): ConnectError;
}
