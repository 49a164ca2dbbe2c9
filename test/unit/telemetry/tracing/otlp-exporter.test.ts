// What a collector says of an export that it took in part, or not at all.
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, expect, test, vi } from "vitest";
import { otlpExporter } from "../../../../src/telemetry/tracing/otlp-exporter.ts";
import { startCollector } from "../../../support/services/collector.ts";

afterEach(() => vi.unstubAllEnvs());

/** What is told of an export without a span, to which the collector answers like this. */
async function told(partial?: Parameters<typeof startCollector>[0]): Promise<string[]> {
  await using collector = await startCollector(partial);
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  const problems: string[] = [];
  const exporter = otlpExporter({ timeoutMs: 10_000, onPartial: (problem) => problems.push(problem) });
  const none: ReadableSpan[] = [];
  const result = await new Promise<{ code: number }>((done) => exporter.export(none, done));
  await exporter.shutdown();
  expect([result.code, collector.requests]).toEqual([0, [["/v1/traces", "application/x-protobuf"]]]);
  return problems;
}

test.each([
  [{ rejected: 3, message: "over quota" }, ["the collector rejected 3 spans: over quota"]],
  [{ rejected: 2, message: "" }, ["the collector rejected 2 spans"]],
  [{ rejected: 0, message: "sampled" }, ["the collector warns: sampled"]],
  [{ rejected: 0, message: "" }, []],
  [undefined, []],
])("a partial success of %o", async (partial, problems) => {
  expect(await told(partial)).toEqual(problems);
});
