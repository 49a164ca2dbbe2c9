// Spans by OpenTelemetry, exported by OTLP over HTTP. Imported only where tracing is on: a server without it pays
// nothing. The current span travels by AsyncLocalStorage; nothing is registered for the whole process.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Span, SpanAttributes, SpanOptions, Tracing } from "../../domain/tracing.ts";
import { otlpExporter } from "./otlp-exporter.ts";
import { warningExporter } from "./warning-exporter.ts";

/** See TracingSettings in src/config. */
export interface TracerOptions {
  readonly sampler: string;
  readonly ratio: number;
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly maxQueue: number;
  readonly maxBatch: number;
  /** The version of this server. */
  readonly version: string;
  /** Told in words that spans could not be exported, or were rejected. */
  readonly onFailure: (problem: string) => void;
  /** Default: OTLP, as the OTEL_EXPORTER_OTLP_* variables say. */
  readonly exporter?: SpanExporter;
}

export interface OpenTracing extends Tracing {
  /** Exports what waits, within the time limit of an export. */
  close(): Promise<void>;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

export function createTracing(options: TracerOptions): OpenTracing {
  const { version, onFailure, timeoutMs } = options;
  const exporter = options.exporter ?? otlpExporter({ timeoutMs, onPartial: onFailure });
  const named = resourceFromAttributes({ "service.name": "colloquy", "service.version": version });
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(named)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(options),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: warningExporter(exporter, onFailure),
        scheduledDelayMillis: options.delayMs,
        // The exporter has ended by then.
        exportTimeoutMillis: 2 * timeoutMs,
        maxQueueSize: options.maxQueue,
        maxExportBatchSize: Math.min(options.maxBatch, options.maxQueue),
      }),
    ],
  });
  const tracer = provider.getTracer("colloquy", version);
  const current = new AsyncLocalStorage<OtelSpan>();
  const propagator = new W3CTraceContextPropagator();

  function start(name: string, { kind, attributes }: SpanOptions, parent: Context): Span {
    const span = tracer.startSpan(name, { kind: KINDS[kind], attributes: mutable(attributes) }, parent);
    return new TracedSpan(span, current);
  }

  return {
    receive: (name, header, options) =>
      start(name, options, propagator.extract(ROOT_CONTEXT, header, { keys: () => [], get: (from, key) => from(key) })),
    begin: (name, options) => start(name, options, ROOT_CONTEXT),
    below(name, options) {
      const above = current.getStore();
      if (above === undefined || (above.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
      return start(name, options, trace.setSpan(ROOT_CONTEXT, above));
    },
    headers() {
      const above = current.getStore();
      const headers: Record<string, string> = {};
      if (above === undefined) return headers;
      propagator.inject(trace.setSpan(ROOT_CONTEXT, above), headers, {
        set(into, name, value) {
          into[name] = value;
        },
      });
      return headers;
    },
    async close() {
      await provider.shutdown();
    },
  };
}

class TracedSpan implements Span {
  readonly #span: OtelSpan;
  readonly #current: AsyncLocalStorage<OtelSpan>;

  constructor(span: OtelSpan, current: AsyncLocalStorage<OtelSpan>) {
    this.#span = span;
    this.#current = current;
  }

  get ids() {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return (traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : { traceId, spanId };
  }

  run<T>(work: () => T): T {
    return this.#current.run(this.#span, work);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(mutable(attributes));
  }

  end(failure?: string): void {
    if (failure !== undefined) {
      this.#span.setAttribute("error.type", failure);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** OpenTelemetry's own type has lists that may be written to. */
function mutable(attributes: SpanAttributes = {}) {
  return attributes as Record<string, string | number | boolean | string[] | undefined>;
}

function samplerOf({ sampler, ratio }: Pick<TracerOptions, "sampler" | "ratio">): Sampler {
  const [, parentBased, kind] = /^(parentbased_)?(.*)$/.exec(sampler) ?? [];
  const root =
    kind === "traceidratio"
      ? new TraceIdRatioBasedSampler(ratio)
      : kind === "always_off"
        ? new AlwaysOffSampler()
        : new AlwaysOnSampler();
  return parentBased === undefined ? root : new ParentBasedSampler({ root });
}
