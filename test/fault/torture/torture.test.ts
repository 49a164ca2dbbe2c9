// The torture runner: the same seed gives the same turns, and whatever a turn finds is told.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { PROGRAMME, type TurnName } from "./programme.ts";
import { report } from "./report.ts";
import { runSuite, SUITE } from "./suite.ts";
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

test("the tests of full size are run with their size, and what fails in them is a finding of the run", async () => {
  const root = await mkdtemp(join(tmpdir(), "colloquy-suite-"));
  const config = { test: { projects: [{ test: { name: "colloquy", globals: true, include: ["*.test.ts"] } }] } };
  await writeFile(join(root, "vitest.config.ts"), `export default ${JSON.stringify(config)}`);
  const sizes = 'expect(process.env).toMatchObject({ TORTURE: "1", READS_BACK_RUNS: "500", TEST_CALLS: "10000" })';
  await writeFile(join(root, "sizes.test.ts"), `test("sizes", () => ${sizes})`);
  expect(await runSuite({ minutes: 10, root, files: [] })).toMatchObject({ passed: 1, findings: [] });
  await writeFile(join(root, "broken.test.ts"), 'test("a tenant sees another", () => expect(1).toBe(2))');
  await writeFile(join(root, "unread.test.ts"), "const = 1");
  const suite = await runSuite({ minutes: 10, root, files: [] });
  expect(suite).toMatchObject({ passed: 1 });
  expect([...suite.findings].sort()).toEqual([
    expect.stringContaining("unread.test.ts"),
    expect.stringMatching(/^a tenant sees another: AssertionError: expected 1 to be 2/),
  ]);
  const text = report({ options: { minutes: 5, seed: 1 }, seconds: 0, turns: [], rests: [], findings: [] }, suite);
  expect(text).toContain("- a tenant sees another: AssertionError");
  await rm(root, { recursive: true });
});

test("the tests of full size are there", () => {
  const root = join(import.meta.dirname, "../../..");
  expect(SUITE.filter((file) => !existsSync(join(root, file)))).toEqual([]);
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
