// The span of a call: its name, attributes and end, by OpenTelemetry's conventions for RPC.
import { type DomainError, ErrorReason } from "../domain/errors.ts";
import type { Span, Tracing } from "../domain/tracing.ts";
import type { CallHead, Wire } from "./call/call.ts";
import { reasonName } from "./errors.ts";

const SYSTEMS: Readonly<Record<Wire, string>> = {
  connect: "connectrpc",
  grpc: "grpc",
  "grpc-web": "grpc",
  rest: "http",
};

/** Codes that are the server's fault; of the others the caller must know better. */
const FAULTS: ReadonlySet<string> = new Set([
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

/** @param path such as `/colloquy.v1.MessageService/SendMessage` */
export function startCallSpan(tracing: Tracing, path: string, head: CallHead): Span {
  const method = path.slice(1);
  return tracing.receive(method, (name) => head.header(name), {
    kind: "server",
    attributes: { "rpc.system.name": SYSTEMS[head.wire], "rpc.method": method, "colloquy.protocol": head.wire },
  });
}

/** @param code `ok`, or a Connect code such as `not_found` */
export function endCallSpan(span: Span, code: string, failure: DomainError | undefined): void {
  span.set({ "rpc.response.status_code": code.toUpperCase() });
  if (failure === undefined) span.end();
  else {
    const reason = reasonName(failure.reason ?? ErrorReason.INTERNAL);
    span.set({ "colloquy.error.reason": reason });
    span.end(FAULTS.has(code) ? code.toUpperCase() : undefined);
  }
}

/** The fields of a log line that lead to the trace. */
export function traceFields(span: Span): { readonly trace_id?: string; readonly span_id?: string } {
  const { ids } = span;
  return ids === undefined ? {} : { trace_id: ids.traceId, span_id: ids.spanId };
}
