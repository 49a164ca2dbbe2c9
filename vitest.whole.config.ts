// The whole suite, `npm test`. Most files share processes: loading the sources anew for each took as much of the processors as
// all the tests.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/run/longest-first.ts";
import { hasPostgres15, maxWorkers, ON_CITUS, shared, storeOnPostgres15 } from "./vitest.config.ts";

/**
 * What goes through gigabytes or measures processor time. Each has a process of its own, for collecting garbage among what
 * others left took four times as long, and they run first, one for each processor: six on two made the same work take twice
 * as much of it.
 */
const ALONE = [
  "dialects/openai/list-cost",
  "field/answer-memory",
  "field/answer-sizes",
  "field/costs",
  "field/fetch-bounds",
  "field/framing",
  "field/front-bodies",
  "field/head-costs",
  "field/import-failures",
  "field/mcp-reports",
  "field/socket-costs",
  "field/unread-fronts",
  "field/wide-values",
].map((name) => `test/${name}.test.ts`);

/** As a user has it: what was built takes half as much of a processor to start as the sources do. */
const env = { TEST_PROGRAM: join(import.meta.dirname, "dist/program/main.js") };
const alone = { ...shared, env, name: "alone", include: ALONE, maxWorkers: availableParallelism() };
const together = { env, isolate: false, maxWorkers, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // Here, so that all projects share one PostgreSQL.
    globalSetup: ["test/support/run/global-setup.ts"],
    projects: [
      { test: alone },
      {
        test: {
          ...shared,
          ...together,
          name: "colloquy",
          include: ["test/**/*.test.ts"],
          exclude: [...ALONE, ON_CITUS],
        },
      },
      ...(hasPostgres15 ? [{ test: { ...storeOnPostgres15.test, ...together } }] : []),
    ],
    reporters: ["default"],
  },
});
