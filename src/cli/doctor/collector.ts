// Checks the collector of traces with an export of no span, by the exporter that the server uses.
import type { Config } from "../../config/config.ts";
import { type Finding, ok, warn } from "./finding.ts";

const ENDPOINTS = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

export async function checkCollector({ tracing }: Config): Promise<Finding[]> {
  if (tracing === undefined) return [];
  const { otlpExporter } = await import("../../telemetry/tracing/otlp-exporter.ts");
  const { causeOf } = await import("../../telemetry/tracing/warning-exporter.ts");
  let partial: string | undefined;
  const onPartial = (problem: string) => {
    partial = problem;
  };
  const exporter = otlpExporter({ timeoutMs: tracing.timeoutMs, onPartial });
  const { code, error } = await new Promise<{ readonly code: number; readonly error?: Error }>((done) =>
    exporter.export([], done),
  );
  await exporter.shutdown();
  const subject = "traces";
  if (code !== 0) {
    const problem = `the collector at ${place()} does not take them${causeOf(error)}`;
    return [warn(subject, `${problem}; the server runs without it`)];
  }
  if (partial !== undefined) return [warn(subject, `${place()}: ${partial}`)];
  return [ok(subject, `the collector at ${place()} takes them`)];
}

/** Without a user and password, which its URL may have. */
function place(): string {
  const given = ENDPOINTS.map((name) => process.env[name]?.trim() || undefined).find((url) => url !== undefined);
  return given === undefined ? "localhost:4318" : new URL(given).host;
}
