import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createWebhookMetrics } from "../../../src/telemetry/webhook-metrics.ts";

function setUp() {
  const registry = new Registry();
  const metrics = createWebhookMetrics(registry);
  const lines = async (name: string) =>
    (await registry.getSingleMetricAsString(name)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return { metrics, lines };
}

const backlog = (endpointId: string, entries: number, seconds: number) => ({ endpointId, entries, seconds });

test("attempts are counted by outcome, and the share of the time is as it is when somebody looks", async () => {
  const { metrics, lines } = setUp();
  let share = 1;
  metrics.budget(() => share);
  for (const outcome of ["succeeded", "timed_out", "succeeded"]) metrics.attempted(outcome);
  metrics.disabled();
  share = 0.0125;
  expect(await lines("colloquy_webhook_attempts_total")).toEqual([
    'colloquy_webhook_attempts_total{outcome="succeeded"} 2',
    'colloquy_webhook_attempts_total{outcome="timed_out"} 1',
  ]);
  expect(await lines("colloquy_webhook_endpoints_disabled_total")).toEqual([
    "colloquy_webhook_endpoints_disabled_total 1",
  ]);
  expect(await lines("colloquy_webhook_budget_share")).toEqual(["colloquy_webhook_budget_share 0.0125"]);
});

test("the hundred endpoints with the oldest backlog have lines of their own, until they have none", async () => {
  const { metrics, lines } = setUp();
  const all = Array.from({ length: 150 }, (_, index) => backlog(`e${index}`, 7, index));
  metrics.backlogs([...all, backlog("done", 0, 0)]);
  const named = await lines("colloquy_webhook_backlog_entries");
  expect(named.length).toBe(100);
  expect(named).toContain('colloquy_webhook_backlog_entries{endpoint="e149"} 7');
  expect(named.join("\n")).not.toContain('"e49"');
  expect(await lines("colloquy_webhook_backlog_seconds")).toContain(
    'colloquy_webhook_backlog_seconds{endpoint="e149"} 149',
  );
  expect(await lines("colloquy_webhook_backlog_oldest_seconds")).toEqual([
    "colloquy_webhook_backlog_oldest_seconds 149",
  ]);
  expect(await lines("colloquy_webhook_endpoints")).toEqual(["colloquy_webhook_endpoints 151"]);
  metrics.backlogs([backlog("done", 0, 0)]);
  expect(await lines("colloquy_webhook_backlog_entries")).toEqual([]);
  expect(await lines("colloquy_webhook_backlog_oldest_seconds")).toEqual(["colloquy_webhook_backlog_oldest_seconds 0"]);
});
