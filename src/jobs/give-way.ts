// Rests between pieces of work that nobody waits for, as long as calls need the server.
import { performance } from "node:perf_hooks";
import type { WorkBudget } from "../domain/work-budget.ts";

/** Says that a piece of work has ended. Resolves when the next may begin. */
export type GiveWay = () => Promise<void>;

/**
 * What each piece took, in time of this process and of the database, is paid for before the next begins. Made when the
 * first piece begins; without a budget, or once the signal aborts, it never waits.
 */
export function createGiveWay(
  budget: Pick<WorkBudget, "turn"> | undefined,
  signal: AbortSignal,
  now = () => performance.now(),
): GiveWay {
  let began = now();
  return async () => {
    await budget?.turn(now() - began, signal);
    began = now();
  };
}
