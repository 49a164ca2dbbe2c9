// The state of one call: its head, its caller and its response's headers. It is its own context, so that a hot call
// costs one object.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Principal } from "../../domain/identity/principal.ts";
import { LATEST, POSITION_HEADER, unmoved } from "../../domain/read-position.ts";
import type { Span } from "../../domain/tracing.ts";
import type { PipelineOptions } from "../pipeline-options.ts";
import type { RecordCall } from "../record.ts";
import type { ServiceEntry } from "../service.ts";
import { startCallSpan, traceFields } from "../traced-call.ts";
import type { CallContext, CallHead } from "./call.ts";
import type { UpdateParts } from "./implied-mask.ts";
import { REQUEST_ID_HEADER, requestIdOf } from "./request-id.ts";

/** What the pipeline knows of a method. */
export interface Route {
  readonly path: string;
  readonly handler: ServiceEntry["handlers"][string];
  readonly open: boolean;
  /** How an update names what it changes; undefined for other methods. */
  readonly update: UpdateParts | undefined;
  readonly requestIdField: DescField | undefined;
  /** Throws if the request breaks a rule. A promise where it holds a long list. */
  readonly validate: (schema: DescMessage, request: Message) => Promise<void> | undefined;
  /** Whether replicas of the database may answer it. */
  readonly replicaReads: boolean;
  readonly record: RecordCall;
  readonly options: PipelineOptions;
}

export abstract class CallState implements CallContext {
  readonly requestId: string;
  readonly responseHeaders = new Map<string, string>();
  idempotencyKey: string | undefined;
  status: number | undefined;
  onFlushHeaders: (() => void) | undefined;
  onHeld: ((bytes: number) => void) | undefined;
  protected readonly head: CallHead;
  protected readonly route: Route;
  /** Undefined until the call is admitted, and for good if its credential is refused. */
  caller: Principal | undefined;
  protected readonly span: Span | undefined;
  #log: Logger | undefined;
  #address: string | undefined;

  constructor(head: CallHead, route: Route) {
    this.head = head;
    this.route = route;
    const { tracing } = route.options;
    this.span = tracing && startCallSpan(tracing, route.path, head);
    this.requestId = requestIdOf(head.header(REQUEST_ID_HEADER));
    this.responseHeaders.set(REQUEST_ID_HEADER, this.requestId);
    // A response is for its caller alone; over REST its ETag lets that caller ask whether it still holds.
    this.responseHeaders.set("cache-control", head.wire === "rest" ? "private, no-cache" : "no-store");
    if (route.options.replicaReads !== undefined) {
      // A read that is refused has read nothing yet: the caller's next one need not go to the primary for it.
      const position = route.replicaReads ? unmoved(head.header(POSITION_HEADER)) : LATEST;
      this.responseHeaders.set(POSITION_HEADER, position);
    }
  }

  get context(): CallContext {
    return this;
  }
  get method() {
    return this.head.method;
  }
  get wire() {
    return this.head.wire;
  }
  get headersOnly(): boolean {
    return this.head.headersOnly ?? false;
  }

  get form() {
    return this.head.form;
  }

  get address(): string {
    this.#address ??= this.route.options.clientAddress?.(this.head) ?? this.head.address;
    return this.#address;
  }
  get signal() {
    return this.head.signal;
  }
  get interrupt() {
    return this.head.interrupt;
  }
  get deadline() {
    return this.head.deadline;
  }
  get principal(): Principal {
    if (this.caller === undefined) throw new Error("the call is not admitted yet");
    return this.caller;
  }
  get log(): Logger {
    this.#log ??= this.route.options.logger.child({
      requestId: this.requestId,
      ...(this.span !== undefined && traceFields(this.span)),
    });
    return this.#log;
  }

  header(name: string): string | undefined {
    return this.head.header(name);
  }

  setHeader(name: string, value: string): void {
    this.responseHeaders.set(name, value);
  }

  setStatus(status: number): void {
    this.status = status;
  }

  flushHeaders(): void {
    this.onFlushHeaders?.();
  }

  held(bytes: number): void {
    this.onHeld?.(bytes);
  }

  abstract onceOver(act: () => void): void;

  onceSent(act: (received: boolean) => void): void {
    if (this.head.onceSent === undefined) this.onceOver(() => act(true));
    else this.head.onceSent(act);
  }
}
