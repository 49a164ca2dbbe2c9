// The counts of the pipeline; src/telemetry/metrics.ts exports them to Prometheus.
import type { Wire } from "./call/call.ts";

/** A stream takes as long as its caller wants, or as what it carries. */
export type CallKind = "unary" | "stream";

export interface RpcMetrics {
  /** A call began. `method` is a path such as `/colloquy.v1.MessageService/SendMessage`, or `unknown`. */
  started(method: string, wire: Wire): void;
  /** A call ended. `code` is `ok` or a Connect code in its wire spelling, such as `not_found`. */
  handled(method: string, wire: Wire, code: string, seconds: number, kind: CallKind): void;
}
