// The checker of deliveries is worth what it catches: each fault is planted in a good run, and must be found.
import { expect, it } from "vitest";
import { checkDeliveries, type Taken } from "./deliveries.ts";

const event = (conversationId: string, seq: number, webhookId = `${conversationId}-${seq}`): Taken => ({
  webhookId,
  conversationId,
  seq,
});
const LOGS = new Map([
  ["a", 3],
  ["b", 2],
]);
const GOOD = [event("a", 1), event("b", 1), event("a", 2), event("a", 2), event("b", 2), event("a", 3), event("b", 1)];

const faultsOf = (taken: readonly Taken[]) => checkDeliveries(taken, LOGS).findings.map(({ fault }) => fault);

it("finds nothing in a good run, and counts what came again", () => {
  expect(checkDeliveries(GOOD, LOGS)).toEqual({ findings: [], repeats: 2 });
});

it("finds what was lost", () => expect(faultsOf(GOOD.filter(({ seq }) => seq !== 3))).toEqual(["lost"]));

it("finds what came before its turn", () => {
  expect(faultsOf([event("a", 1), event("a", 3), event("a", 2), event("b", 1), event("b", 2)])).toEqual([
    "disordered",
    "disordered",
  ]);
});

it("finds what came again under another id", () => {
  expect(faultsOf([...GOOD, event("b", 1, "other")])).toEqual(["renamed"]);
});

it("finds what nobody wrote", () => expect(faultsOf([...GOOD, event("b", 3)])).toEqual(["stranger"]));
