// Tests on a Citus cluster, `npm run test:citus`: those of distributed tables, and what every RPC does.
import { defineConfig } from "vitest/config";
import { installedCitus } from "./scripts/citus/nodes.ts";
import { maxWorkers, ON_CITUS, shared } from "./vitest.config.ts";

if (installedCitus() === undefined) {
  process.stderr.write("Citus is not installed (/usr/lib/postgresql/*/lib/citus.so): skipping the tests on it\n");
  process.exit(0);
}

export default defineConfig({
  test: {
    ...shared,
    name: "citus",
    maxWorkers,
    include: [ON_CITUS, "test/services/**/*.test.ts", "test/protocols/rpc/five-wires.test.ts"],
    exclude: ["**/node_modules/**"],
    globalSetup: ["test/support/global-setup-citus.ts"],
    reporters: ["default"],
  },
});
