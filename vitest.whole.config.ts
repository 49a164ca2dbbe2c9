// The whole suite, `npm test`. Most files share processes: loading the sources anew for each took as much of the processors as
// all the tests. Those that go through gigabytes have one each: collecting theirs among what others left took four times as long.
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";
import { hasPostgres15, maxWorkers, shared, storeOnPostgres15 } from "./vitest.config.ts";

const ALONE = ["answer-sizes", "costs", "fetch-bounds", "framing", "front-bodies", "mcp-reports", "socket-costs"].map(
  (name) => `test/field/${name}.test.ts`,
);

export default defineConfig({
  test: {
    maxWorkers,
    sequence: { sequencer: LongestFirst },
    // Here, so that both projects share one PostgreSQL.
    globalSetup: ["test/support/global-setup.ts"],
    projects: [
      // Projects run in the order of their names: the longest files first.
      { test: { ...shared, name: "alone", include: ALONE } },
      { test: { ...shared, name: "colloquy", include: ["test/**/*.test.ts"], exclude: ALONE, isolate: false } },
      ...(hasPostgres15 ? [{ test: { ...storeOnPostgres15.test, isolate: false } }] : []),
    ],
    reporters: ["default"],
  },
});
