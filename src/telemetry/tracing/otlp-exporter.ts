// Sends spans by OTLP over HTTP, and tells what a collector took only in part: OpenTelemetry's own exporter says that to a
// handler that is shared by the whole process.
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import {
  type IExportTraceServiceResponse,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
} from "@opentelemetry/otlp-transformer";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { MAX_CAUSE } from "./warning-exporter.ts";

export interface OtlpOptions {
  /** Of an export with its retries, in milliseconds. */
  readonly timeoutMs: number;
  /** Told in words what the collector did not take of an export that succeeded, or has to say about it. */
  readonly onPartial: (problem: string) => void;
}

/** As the OTEL_EXPORTER_OTLP_* variables say. */
export function otlpExporter({ timeoutMs, onPartial }: OtlpOptions): SpanExporter {
  const headers = { "Content-Type": "application/x-protobuf" };
  const options = convertLegacyHttpOptions({ timeoutMillis: timeoutMs }, "TRACES", "v1/traces", headers);
  const serializer = {
    ...ProtobufTraceSerializer,
    deserializeResponse(bytes: Uint8Array): IExportTraceServiceResponse {
      const response = ProtobufTraceSerializer.deserializeResponse(bytes);
      const problem = partialOf(response);
      if (problem !== undefined) onPartial(problem);
      return response;
    },
  };
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, "otlp_http_span_exporter", TraceExporterMetricsHelper, undefined),
  );
}

/** Where no span was rejected, the collector's message is a warning. */
function partialOf({ partialSuccess }: IExportTraceServiceResponse): string | undefined {
  const { rejectedSpans = 0, errorMessage = "" } = partialSuccess ?? {};
  if (rejectedSpans === 0 && errorMessage === "") return undefined;
  const message = errorMessage === "" ? "" : `: ${errorMessage.slice(0, MAX_CAUSE)}`;
  return rejectedSpans === 0
    ? `the collector warns${message}`
    : `the collector rejected ${rejectedSpans} spans${message}`;
}
