// What deliveries may use while calls need the process, and what a delivery costs.
import { WorkBudget } from "../../domain/work-budget.ts";
import { Trials } from "./trials.ts";

/** What a request costs, and each event in it, in milliseconds of this process's and the database's time. */
const REQUEST_MS = 0.4;
const EVENT_MS = 0.02;

export function costOf(events: number): number {
  return REQUEST_MS + events * EVENT_MS;
}

export class DeliveryBudget extends WorkBudget {
  /** Of endpoints that have not taken anything yet, or failed last. */
  readonly trials = new Trials();
}
