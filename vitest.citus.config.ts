// Tests on a Citus cluster, `npm run test:citus`: those of distributed tables, and what every RPC does.
import { defineConfig } from "vitest/config";
import { installedCitus } from "./scripts/citus/nodes.ts";
import { maxWorkers, ON_CITUS, shared } from "./vitest.config.ts";

if (installedCitus() === undefined) {
  process.stderr.write("Citus is not installed (/usr/lib/postgresql/*/lib/citus.so): skipping the tests on it\n");
  process.exit(0);
}

/** Tests that take a database, and what is distributed must answer as one PostgreSQL does. */
const ON_ANY_DATABASE = [
  ...["unit/store", "unit/jobs", "unit/webhooks", "services", "dialects", "frontends"].map(
    (folder) => `test/${folder}/**/*.test.ts`,
  ),
  "test/protocols/rpc/five-wires.test.ts",
];

/** Those that look into one PostgreSQL, or change its rows by SQL that Citus refuses. */
const ON_ONE_POSTGRESQL = [
  // Their plans and figures are the nodes', where the coordinator's EXPLAIN does not see them.
  "test/unit/store/{plans,branch-pages}.test.ts",
  // They compare a function with the statement that Citus does not take.
  "test/unit/store/{send,reaction}-functions.test.ts",
  // They change rows by chance, and add a tenant without its slug.
  "test/unit/store/{conversation-lists,access}.test.ts",
];

export default defineConfig({
  test: {
    ...shared,
    name: "citus",
    maxWorkers,
    include: [ON_CITUS, ...ON_ANY_DATABASE],
    exclude: ["**/node_modules/**", ...ON_ONE_POSTGRESQL],
    globalSetup: ["test/support/run/global-setup-citus.ts"],
    reporters: ["default"],
  },
});
