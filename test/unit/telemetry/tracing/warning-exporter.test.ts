// What is said of traces that did not reach their collector.
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";
import { warningExporter } from "../../../../src/telemetry/tracing/warning-exporter.ts";

/** What is told of three spans whose export ends like this. */
function told(result: Parameters<Parameters<SpanExporter["export"]>[1]>[0]): string[] {
  const problems: string[] = [];
  const exporter: SpanExporter = { export: (_, done) => done(result), shutdown: async () => {} };
  const spans = [{}, {}, {}] as Parameters<SpanExporter["export"]>[0];
  warningExporter(exporter, (problem) => problems.push(problem)).export(spans, () => {});
  return problems;
}

test.each([
  ["a connection", new Error("connect ECONNREFUSED 127.0.0.1:4318"), "connect ECONNREFUSED 127.0.0.1:4318"],
  ["a status", Object.assign(new Error("Service Unavailable"), { code: 503 }), "503: Service Unavailable"],
  [
    "an error without a message of its own",
    new Error("", { cause: Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }) }),
    "ETIMEDOUT: timed out",
  ],
  ["what the collector wrote, of any length", new Error("x".repeat(5_000)), "x".repeat(200)],
])("spans that are lost are told with the cause: %s", (_, error, cause) => {
  expect(told({ code: 1, error })).toEqual([`3 spans could not be exported: ${cause}`]);
});

test("spans that are lost for no reason are told, and others are not", () => {
  expect(told({ code: 1 })).toEqual(["3 spans could not be exported"]);
  expect(told({ code: 0 })).toEqual([]);
});
