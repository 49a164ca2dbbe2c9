// What the console reads from the metrics that the server writes.
import { expect, test } from "vitest";
import {
  figuresOf,
  followers,
  methodsOf,
  quantile,
  ratesBetween,
  running,
  total,
} from "../../../console/src/health/figures.ts";
import { readMetrics } from "../../../console/src/health/metrics-text.ts";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics.ts";

const SEND = "/colloquy.v1.MessageService/SendMessage";
const SUBSCRIBE = "/colloquy.v1.EventService/Subscribe";

async function read(metrics: Metrics, at: number) {
  return figuresOf(readMetrics(await metrics.text()), at);
}

function call(metrics: Metrics, code: string, seconds: number): void {
  metrics.started(SEND, "rest");
  metrics.handled(SEND, "rest", code, seconds, "unary");
}

test("rates and percentiles are those of the time between two readings", async () => {
  const metrics = createMetrics();
  call(metrics, "ok", 50);
  const before = await read(metrics, 1_000);
  for (let i = 0; i < 99; i++) call(metrics, "ok", 0.004);
  call(metrics, "internal", 0.2);
  call(metrics, "not_found", 0.004);
  const rates = ratesBetween(before, await read(metrics, 11_000));
  expect(rates).toEqual({
    calls: 10.1,
    failures: 0.1,
    median: { seconds: 0.005, isOver: false },
    p99: { seconds: 0.005, isOver: false },
  });
});

test("a server that has started again counts from zero", async () => {
  const old = createMetrics();
  for (let i = 0; i < 5; i++) call(old, "ok", 0.004);
  const restarted = createMetrics();
  call(restarted, "ok", 0.004);
  const rates = ratesBetween(await read(old, 0), await read(restarted, 1_000));
  expect([rates.calls, rates.median]).toEqual([1, { seconds: 0.005, isOver: false }]);
});

test("calls that have not ended are running, and streams that follow are followers", async () => {
  const metrics = createMetrics();
  metrics.started(SEND, "connect");
  metrics.started(SUBSCRIBE, "connect");
  metrics.started(SUBSCRIBE, "grpc");
  const figures = await read(metrics, 0);
  expect([running(figures), followers(figures)]).toEqual([3, 2]);
});

test("streams do not count as slow calls, but methods have their own figures", async () => {
  const metrics = createMetrics();
  const before = await read(metrics, 0);
  metrics.started(SUBSCRIBE, "connect");
  metrics.handled(SUBSCRIBE, "connect", "ok", 3_600, "stream");
  const after = await read(metrics, 1_000);
  expect(ratesBetween(before, after).p99).toBeUndefined();
  const over = { seconds: 60, isOver: true };
  expect(methodsOf(after)).toEqual([{ method: SUBSCRIBE, calls: 1, failed: 0, median: over, p99: over }]);
});

test("the metrics that the view names are there", async () => {
  const figures = await read(createMetrics(), 0);
  const names = ["process_start_time_seconds", "process_resident_memory_bytes", "nodejs_eventloop_lag_p99_seconds"];
  expect(names.filter((name) => total(figures, name) === undefined)).toEqual([]);
});

test("nothing has no percentile", () => {
  expect(quantile(new Map(), 0.99)).toBeUndefined();
});

test.each([
  ["# HELP a b", []],
  ["a 1", [{ name: "a", labels: {}, value: 1 }]],
  ['a{b="c,\\"d\\"",e="f\\\\"} 2.5e3', [{ name: "a", labels: { b: 'c,"d"', e: "f\\" }, value: 2500 }]],
  ["<html>404</html>", []],
  ["a NaN", []],
])("%s", (line, expected) => {
  expect(readMetrics(line)).toEqual(expected);
});
