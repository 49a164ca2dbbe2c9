// Records each call: one log line, and the metrics.
import type { Code, ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import type { Logger } from "pino";
import { type DomainError, ErrorReason } from "../domain/errors.ts";
import type { Span } from "../domain/tracing.ts";
import type { Wire } from "./call/call.ts";
import { reasonName } from "./errors.ts";
import type { CallKind, RpcMetrics } from "./metrics.ts";
import { endCallSpan, traceFields } from "./traced-call.ts";

export interface Outcome {
  /** A path such as `/colloquy.v1.MessageService/SendMessage`, or `unknown`. */
  readonly method: string;
  readonly wire: Wire;
  readonly kind: CallKind;
  readonly requestId: string;
  readonly tenant: string | undefined;
  readonly milliseconds: number;
  /** What went wrong, as it was thrown; undefined for success. */
  readonly failure: DomainError | undefined;
  /** The error that was made of it. */
  readonly sent: ConnectError | undefined;
  /** Undefined: the call is not traced. It is ended. */
  readonly span?: Span | undefined;
}

/** How codes are spelt, which takes long to find out. */
const spellings = new Map<Code, string>();

function spelt(code: Code): string {
  let spelling = spellings.get(code);
  if (spelling === undefined) {
    spelling = codeToString(code);
    spellings.set(code, spelling);
  }
  return spelling;
}

/** Logs and counts how a call ended. Nothing that a caller sent is logged but its request id. */
export type RecordCall = (outcome: Outcome) => void;

export function createRecord(metrics: RpcMetrics, logger: Logger): RecordCall {
  // What most lines share is written once. Methods, wires and codes are few, so what is kept is bounded.
  const loggers = new Map<string, Logger>();
  const loggerFor = (method: string, wire: Wire, code: string): Logger => {
    const key = `${method} ${wire} ${code}`;
    let known = loggers.get(key);
    if (known === undefined) {
      known = logger.child({ method, wire, code });
      loggers.set(key, known);
    }
    return known;
  };
  return ({ method, wire, kind, requestId, tenant, milliseconds, failure, sent, span }) => {
    const code = sent === undefined ? "ok" : spelt(sent.code);
    metrics.handled(method, wire, code, milliseconds / 1000, kind);
    const log = loggerFor(method, wire, code);
    const durationMs = Math.round(milliseconds * 100) / 100;
    const fields = { requestId, tenant, durationMs, ...(span !== undefined && traceFields(span)) };
    if (span !== undefined) endCallSpan(span, code, failure);
    if (failure === undefined) log.info(fields, "call");
    else if (failure.reason !== ErrorReason.INTERNAL) {
      const reasoned = { ...fields, reason: reasonName(failure.reason) };
      // Callers that leave did nothing wrong. Of those that are turned away there are most when there is the least time
      // for them: they are counted, and summed up in one line.
      const quiet = failure.reason === ErrorReason.OVERLOADED || failure.reason === ErrorReason.CANCELLED;
      if (quiet) log.debug(reasoned, "call");
      // The cause, from PostgreSQL or the network, which is not sent to callers.
      else if (failure.reason === ErrorReason.DATABASE_UNAVAILABLE)
        log.warn({ ...reasoned, err: failure.cause }, "call");
      else log.info(reasoned, "call");
    } else log.error({ ...fields, reason: "INTERNAL", err: failure.cause ?? failure }, "call");
  };
}
