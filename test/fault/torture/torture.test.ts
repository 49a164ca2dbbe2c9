// The torture runner: the same seed gives the same turns, and whatever a turn finds is told.
import { expect, test, vi } from "vitest";
import { PROGRAMME, type TurnName } from "./programme.ts";
import { report } from "./report.ts";
import { order, torture } from "./torture.ts";

vi.setConfig({ testTimeout: 120_000 });

test("a short run of several scenarios finds nothing, and says what it did", async () => {
  const outcome = await torture({ minutes: 0.1, seed: 1, share: 0.02, only: ["paging", "mixed"] });
  expect(outcome.findings).toEqual([]);
  expect(outcome.turns.length).toBeGreaterThan(0);
  const text = report(outcome);
  expect(text).toContain("--minutes 0.1 --seed 1 --only paging,mixed --share 0.02");
  expect(text).toContain("| **lost** | 0 |");
  expect(text).toMatch(/## Findings\n\nNone\./);
});

test("what a turn finds, and that it throws, is a finding of the run", async () => {
  const broken = {
    ...PROGRAMME,
    paging: async () => ({ figures: { lost: 2 }, findings: ["two are lost"] }),
    once: async () => {
      throw new Error("it fell over");
    },
  };
  const outcome = await torture({ minutes: 1e-9, seed: 1, only: ["paging"] }, broken);
  expect(outcome.findings).toEqual(["paging 1: two are lost"]);
  expect(report(outcome)).toContain("| **lost** | 2 |");
  const thrown = await torture({ minutes: 1e-9, seed: 1, only: ["once"] }, broken);
  expect(thrown.findings).toEqual([expect.stringContaining("once 1: Error: it fell over")]);
});

test("a seed gives the order of turns, each scenario once a round and the mixed load after each", () => {
  const first = (seed: number) => {
    const turns: string[] = [];
    for (const [name, number] of order({ minutes: 1, seed })) {
      turns.push(`${name} ${number}`);
      if (turns.length === 2 * (Object.keys(PROGRAMME).length - 1)) return turns;
    }
    return turns;
  };
  expect(first(7)).toEqual(first(7));
  expect(first(7)).not.toEqual(first(8));
  const others = (Object.keys(PROGRAMME) as TurnName[]).filter((name) => name !== "mixed").map((name) => `${name} 0`);
  expect(
    first(7)
      .filter((_, index) => index % 2 === 0)
      .sort(),
  ).toEqual(others.sort());
  expect(first(7).filter((_, index) => index % 2 === 1)).toEqual(others.map((_, index) => `mixed ${index}`));
});
