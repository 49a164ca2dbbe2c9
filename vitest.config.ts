import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// The store supports PostgreSQL 15 and later, so its tests run on both ends where Debian's 15 is installed.
const hasPostgres15 = existsSync("/usr/lib/postgresql/15/bin/postgres");
if (!hasPostgres15) {
  process.stderr.write(
    "PostgreSQL 15 is not installed (apt-get install postgresql-15): skipping the store's tests on it\n",
  );
}

const shared = { pool: "forks", testTimeout: 30_000, hookTimeout: 60_000 } as const;
const everything = {
  test: { ...shared, name: "colloquy", include: ["test/**/*.test.ts"], globalSetup: ["test/support/global-setup.ts"] },
};
const storeOnPostgres15 = {
  test: {
    ...shared,
    name: "postgres-15",
    include: ["test/unit/store/**/*.test.ts"],
    globalSetup: ["test/support/global-setup-15.ts"],
  },
};

export default defineConfig({
  test: {
    // The tests wait for PostgreSQL, processes and sockets half of the time.
    maxWorkers: Math.max(4, availableParallelism()),
    projects: hasPostgres15 ? [everything, storeOnPostgres15] : [everything],
    reporters: ["default"],
  },
});
