// The unit tests that start nothing: `npm run test:fast`, for between two edits.
import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** What starts a database, a server or a process. */
const STARTS =
  /createTestDatabase|startTestCluster|startEmbedded|start\w*(Server|App|Stage)\(|runColloquy|child_process|nats-server|inject\("postgres/;

export default defineConfig({
  test: {
    pool: "forks",
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // A process for each file would take longer to load the sources than all of them to test.
    isolate: false,
    setupFiles: "test/support/run/each-file.ts",
    testTimeout: 30_000,
    include: globSync("test/unit/**/*.test.ts").filter((file) => !STARTS.test(readFileSync(file, "utf8"))),
  },
});
