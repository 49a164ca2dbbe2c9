import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// The store supports PostgreSQL 15 and later, so its tests run on both ends where Debian's 15 is installed.
export const hasPostgres15 = existsSync("/usr/lib/postgresql/15/bin/postgres");
if (!hasPostgres15) {
  process.stderr.write(
    "PostgreSQL 15 is not installed (apt-get install postgresql-15): skipping the store's tests on it\n",
  );
}

/** On a machine that is busy with other work: so many times as long for a test to hang, which is no time that it checks. */
const patience = Number(process.env.TEST_PATIENCE || 1);
const testTimeout = 60_000 * patience;
export const shared = {
  pool: "forks",
  // Node reads the sources itself, as it does in production: Vite would take seconds of a processor to transform them first.
  experimental: { viteModuleRunner: false, nodeLoader: false },
  setupFiles: "test/support/run/each-file.ts",
  testTimeout,
  hookTimeout: 2 * testTimeout,
  // A poll waits for an event, as long as its test may take; tests that check a time measure their own.
  expect: { poll: { timeout: testTimeout - 5_000, interval: 20 } },
} as const;
/** Tests of a Citus cluster alone, see vitest.citus.config.ts. */
export const ON_CITUS = "test/sharding/**/*.test.ts";
const everything = {
  test: {
    ...shared,
    name: "colloquy",
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ON_CITUS],
    globalSetup: ["test/support/run/global-setup.ts"],
  },
};
export const storeOnPostgres15 = {
  test: {
    ...shared,
    name: "postgres-15",
    include: ["test/unit/store/**/*.test.ts"],
    globalSetup: ["test/support/run/global-setup-15.ts"],
  },
};

/** The tests wait for PostgreSQL, processes and sockets more than half of the time. With four on two processors all takes 5 % longer. */
export const maxWorkers = Math.max(6, availableParallelism());

export default defineConfig({
  test: {
    maxWorkers,
    projects: hasPostgres15 ? [everything, storeOnPostgres15] : [everything],
    reporters: ["default"],
  },
});
