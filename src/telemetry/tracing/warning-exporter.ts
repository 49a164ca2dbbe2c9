// Reports exports that failed: OpenTelemetry's own reports go to handlers that are shared by the whole process.
import type { SpanExporter } from "@opentelemetry/sdk-trace";

type Export = SpanExporter["export"];

/** The codes of an export's result. */
const FAILED = 1;

export function warningExporter(exporter: SpanExporter, onFailure: (problem: string) => void): SpanExporter {
  const send: Export = (spans, done) =>
    exporter.export(spans, (result) => {
      if (result.code === FAILED) onFailure(`${spans.length} spans could not be exported${causeOf(result.error)}`);
      // As a success, because nothing is done about it any more: the batch is over.
      done({ code: 0 });
    });
  return {
    export: send,
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush !== undefined && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}

/** A collector may answer with a page. */
export const MAX_CAUSE = 200;

/** `: 503: Service Unavailable`; nothing if no cause is known. */
export function causeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    const known = code !== undefined && !at.message.includes(String(code)) ? String(code) : "";
    const text = [known, at.message].filter((part) => part !== "").join(": ");
    if (text !== "") return `: ${text.slice(0, MAX_CAUSE)}`;
  }
  return "";
}
