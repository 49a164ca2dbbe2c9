// A pipeline that has only the handlers, for tests of a wire alone.
import { create, type DescMethod, isMessage, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import type { CallContext, CallHead } from "../../../src/pipeline/call/call.ts";
import type { Call, Pipeline } from "../../../src/pipeline/pipeline.ts";
import type { ServiceEntry } from "../../../src/pipeline/service.ts";

export interface FakeOptions {
  readonly services: readonly Pick<ServiceEntry, "service" | "handlers">[];
  /** Runs in `admit`; throws to refuse. */
  readonly admit?: (head: CallHead) => Promise<void> | void;
  /** Told of every step of every call, such as `begin GetBook`. */
  readonly trace?: (step: string) => void;
}

export function createFakePipeline({ services, admit, trace = () => {} }: FakeOptions): Pipeline {
  const methods = new Map<string, DescMethod>();
  const handlers = new Map<DescMethod, ServiceEntry["handlers"][string]>();
  for (const { service, handlers: own } of services) {
    for (const method of service.methods) {
      methods.set(`/${service.typeName}/${method.name}`, method);
      const handler = own[method.localName];
      if (handler !== undefined) handlers.set(method, handler);
    }
  }
  const begin = (head: CallHead): Call => {
    const { method } = head;
    const handler = handlers.get(method);
    if (handler === undefined) throw new Error(`${method} has no handler`);
    const responseHeaders = new Map<string, string>();
    const output = (message: Message) => (isMessage(message, method.output) ? message : create(method.output, message));
    const context: CallContext = {
      method,
      wire: head.wire,
      requestId: head.header("x-request-id") ?? "generated",
      idempotencyKey: undefined,
      principal: { kind: "anonymous" },
      get address() {
        return head.address;
      },
      get signal() {
        return head.signal;
      },
      get interrupt() {
        return head.interrupt;
      },
      deadline: head.deadline,
      log: pino({ enabled: false }),
      header: (name) => head.header(name),
      setHeader: (name, value) => void responseHeaders.set(name, value),
      setStatus: (status) => {
        call.status = status;
      },
      onceOver: () => {},
      onceSent: () => {},
      flushHeaders: () => call.onFlushHeaders?.(),
      held: (bytes) => call.onHeld?.(bytes),
    };
    trace(`begin ${method.name}`);
    const call: Call & { status: number | undefined } = {
      status: undefined,
      context,
      caller: undefined,
      onFlushHeaders: undefined,
      onHeld: undefined,
      responseHeaders,
      turnAway: () => undefined,
      async admit() {
        trace("admit");
        await admit?.(head);
      },
      async unary(request) {
        trace("unary");
        return output(await handler(request, context));
      },
      async *stream(requests) {
        trace("stream");
        switch (method.methodKind) {
          case "client_streaming":
            yield output(await handler(requests, context));
            return;
          case "server_streaming":
            for await (const request of requests) {
              for await (const message of handler(request, context)) yield output(message);
            }
            return;
          default:
            for await (const message of handler(requests, context)) yield output(message);
        }
      },
      end: () => trace("end"),
      fail(error) {
        trace("fail");
        return error instanceof ConnectError ? error : new ConnectError("internal error", Code.Internal);
      },
    };
    return call;
  };
  return {
    methods,
    unchecked: new Set(),
    begin,
    refuse: () => ({ error: new ConnectError("unknown", Code.Unimplemented), headers: new Map() }),
  } as Pipeline;
}
