// The one way that a call goes, whatever its wire: authenticate, limit, decode, validate, act, encode.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { CallContext, CallHead } from "./call.ts";
import { toConnectError } from "./errors.ts";
import { requestIdField } from "./idempotency-key.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { RpcMetrics } from "./metrics.ts";
import { PipelineCall, type Route } from "./pipeline-call.ts";
import { record } from "./record.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-id.ts";
import type { ServiceEntry } from "./service.ts";
import { createValidation } from "./validation.ts";

/**
 * One call on its way. A wire makes it when the headers are in, then goes
 * `admit` → (decode) → `unary` or `stream` → (encode) → `end`, and on any error `fail`.
 */
export interface Call {
  readonly context: CallContext;
  /** Who calls; undefined until the call is admitted, and for good if its credential is refused. */
  readonly caller: Principal | undefined;
  /** Authenticates and counts against rate limits. Comes before the body is read. */
  admit(): Promise<void>;
  /** Validates the decoded request and lets the service act. Methods with one request and one response. */
  unary(request: Message): Promise<Message>;
  /** The same for every streaming kind; a server-streaming method gets an iterable of its one request. */
  stream(requests: AsyncIterable<Message>): AsyncIterable<Message>;
  /** Headers that the answer carries, whether it is a success or an error. */
  readonly responseHeaders: ReadonlyMap<string, string>;
  /** Called when the service has nothing to send yet, but the call stands: the headers may go out. */
  onFlushHeaders: (() => void) | undefined;
  /** Records success, unless a failure or success was recorded before. For logs and metrics. */
  end(): void;
  /** Records a failure once, and gives the error to send: never one with internals in it. Again gives the first. */
  fail(error: unknown): ConnectError;
}

/** A call that names no method that is served. */
export type UnknownCallHead = Pick<CallHead, "wire" | "header">;

export interface Pipeline {
  /** Every method that is served, by its path, such as `/colloquy.v1.MessageService/SendMessage`. */
  readonly methods: ReadonlyMap<string, DescMethod>;
  begin(head: CallHead): Call;
  /** Records a call of a method that is not served, and gives the error to send and the headers that go with it. */
  refuse(head: UnknownCallHead): { readonly error: ConnectError; readonly headers: ReadonlyMap<string, string> };
}

export interface PipelineOptions {
  readonly services: readonly ServiceEntry[];
  /** Why a call is refused before anything is spent on it; undefined: it is not. Not asked for open services. */
  readonly shed?: () => DomainError | undefined;
  /** Says who calls, or throws CREDENTIAL_MISSING or CREDENTIAL_INVALID. Not asked for open services. */
  readonly authenticate: (head: CallHead) => Promise<Principal> | Principal;
  /** Counts the call, may set headers of the answer, or throws RATE_LIMITED. Not asked for open services. */
  readonly limit?: (context: CallContext) => Promise<void> | void;
  /** Says whether the caller may call this method at all, or throws SCOPE_MISSING or PERMISSION_DENIED. */
  readonly allow?: (context: CallContext) => Promise<void> | void;
  readonly lifecycle: Lifecycle;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
}

/** Builds the pipeline. Throws if two services have the same name or a method has no handler. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const methods = new Map<string, DescMethod>();
  const routes = new Map<DescMethod, Route>();
  const validate = createValidation();
  for (const { service, handlers, open } of options.services) {
    for (const method of service.methods) {
      const path = `/${service.typeName}/${method.name}`;
      const handler = handlers[method.localName];
      if (handler === undefined) throw new Error(`${path} has no handler`);
      if (methods.has(path)) throw new Error(`${path} is served twice`);
      methods.set(path, method);
      routes.set(method, { path, handler, open, requestIdField: requestIdField(method.input), validate, options });
    }
  }
  return {
    methods,
    begin(head) {
      const route = routes.get(head.method);
      if (route === undefined) throw new Error(`${head.method.toString()} is not served`);
      return new PipelineCall(head, route);
    },
    refuse: (head) => refuseUnknown(head, options),
  };
}

function refuseUnknown(head: UnknownCallHead, { metrics, logger }: PipelineOptions): ReturnType<Pipeline["refuse"]> {
  const requestId = requestIdOf(head.header(REQUEST_ID_HEADER));
  // The path is not echoed or logged: it is whatever the caller wrote, a credential perhaps.
  const failure = new DomainError(ErrorReason.UNKNOWN_METHOD, "there is no such service or method");
  const error = toConnectError(failure);
  const call = { method: "unknown", wire: head.wire, requestId, tenant: undefined, milliseconds: 0 };
  metrics.started(call.method, call.wire);
  record({ ...call, failure, sent: error }, metrics, logger);
  return { error, headers: new Map([[REQUEST_ID_HEADER, requestId]]) };
}
