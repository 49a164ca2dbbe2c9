// Leases tell nothing while the database is away, nor for as long as one lasts after that.
import { expect, test } from "vitest";
import { LeaseTrust } from "../../../src/agents/turns/lease-trust.ts";

const LEASE_MS = 5_000;
const RENEW_MS = 1_250;

function trustAt(start: number) {
  const clock = { now: start };
  return { clock, trust: new LeaseTrust(LEASE_MS, RENEW_MS, () => clock.now) };
}

test("a server that has just started takes leases as they are", () => {
  expect(trustAt(0).trust.holds).toBe(true);
});

test("after a failure it waits for as long as a lease lasts", () => {
  const { clock, trust } = trustAt(100);
  trust.failed();
  expect(trust.holds).toBe(false);
  clock.now += LEASE_MS - 1;
  expect(trust.holds).toBe(false);
  clock.now += 1;
  expect(trust.holds).toBe(true);
});

test("an answer that took longer than a renewal may take counts as a failure, a quick one does not", () => {
  const { clock, trust } = trustAt(0);
  clock.now = RENEW_MS;
  trust.answered(0);
  expect(trust.holds).toBe(true);
  trust.answered(-1);
  expect(trust.holds).toBe(false);
});
