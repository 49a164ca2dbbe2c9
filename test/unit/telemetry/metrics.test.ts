// What the metrics say of calls, to whoever reads them here and to the primary of several workers.
import { AggregatorRegistry, Registry } from "prom-client";
import { expect, test } from "vitest";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { measureReadiness } from "../../../src/telemetry/ready-metric.ts";

const SEND = "/colloquy.v1.MessageService/SendMessage";

function counted() {
  const metrics = createMetrics();
  for (const [code, seconds] of [
    ["ok", 0.001],
    ["ok", 0.0011],
    ["not_found", 61],
  ] as const) {
    metrics.started(SEND, "grpc");
    metrics.handled(SEND, "grpc", code, seconds, "unary");
  }
  metrics.started(SEND, "rest");
  return metrics;
}

/** The lines of calls in a text. */
function callsIn(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("colloquy_rpc_"));
}

const labels = `method="${SEND}",wire="grpc"`;
const timed = `${labels},kind="unary"`;
const EXPECTED = [
  `colloquy_rpc_started_total{${labels}} 3`,
  `colloquy_rpc_started_total{method="${SEND}",wire="rest"} 1`,
  `colloquy_rpc_handled_total{${labels},code="ok"} 2`,
  `colloquy_rpc_handled_total{${labels},code="not_found"} 1`,
  `colloquy_rpc_seconds_bucket{le="0.001",${timed}} 1`,
  ...[0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60].map(
    (bound) => `colloquy_rpc_seconds_bucket{le="${bound}",${timed}} 2`,
  ),
  `colloquy_rpc_seconds_bucket{le="+Inf",${timed}} 3`,
  `colloquy_rpc_seconds_sum{${timed}} 61.0021`,
  `colloquy_rpc_seconds_count{${timed}} 3`,
];

test("each call is counted by method and wire, by how it ended, and under the first bound that it kept", async () => {
  const metrics = counted();
  expect(callsIn(await metrics.text())).toEqual(EXPECTED);
  expect(callsIn(await metrics.text()), "read again").toEqual(EXPECTED);
});

test("the kinds are told, also before the first call", async () => {
  const text = await createMetrics().text();
  expect(callsIn(text)).toEqual([]);
  expect(text).toContain("# TYPE colloquy_rpc_started_total counter");
  expect(text).toContain("# TYPE colloquy_rpc_handled_total counter");
  expect(text).toContain("# TYPE colloquy_rpc_seconds histogram");
});

test("those of several workers add up", async () => {
  const workers = [counted(), counted()];
  const all = AggregatorRegistry.aggregate(await Promise.all(workers.map((one) => one.registry.getMetricsAsJSON())));
  const text = await all.metrics();
  expect(callsIn(text).toSorted()).toEqual(
    EXPECTED.map((line) => line.replace(/ (\S+)$/, (_, value: string) => ` ${2 * Number(value)}`)).toSorted(),
  );
});

test("servers of one process share what is told of the process, and nothing else", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.started(SEND, "grpc");
  expect(callsIn(await other.text())).toEqual([]);
  const lag = "nodejs_eventloop_lag_seconds";
  expect(other.registry.getSingleMetric(lag)).toBe(one.registry.getSingleMetric(lag));
  for (const { text } of [one, other]) expect(await text()).toContain(`# TYPE ${lag} gauge`);
});

test("readiness is asked with each page of metrics", async () => {
  const registry = new Registry();
  let ready = true;
  measureReadiness(registry, async () => ready);
  expect(await registry.metrics()).toContain("\ncolloquy_ready 1\n");
  ready = false;
  expect(await registry.metrics()).toContain("\ncolloquy_ready 0\n");
});
