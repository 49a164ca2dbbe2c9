// SIGHUP applies other issuers and limits from the settings file, also while the server starts; invalid ones leave those
// in force. How workers do it is tested with them.
import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { createTestDatabase } from "../support/postgres/postgres.ts";
import { startServer } from "../support/servers/process.ts";
import { createSettingsFile } from "../support/servers/settings-file.ts";

vi.setConfig({ testTimeout: 120_000 });

test("the issuers and limits of the file apply after SIGHUP, which ends nothing from the program's first moment on", async () => {
  await using own = await createTestDatabase();
  const file = await createSettingsFile();
  const settings = { COLLOQUY_CONFIG: file.path, DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "" };
  const server = startServer(settings);
  // Bit 0 of the signals that are caught is SIGHUP. Before that, Node itself starts.
  const catches = () => /^SigCgt:\s*[\da-f]*[13579bdf]$/m.test(readFileSync(`/proc/${server.pid}/status`, "utf8"));
  while (!catches()) await new Promise(setImmediate);
  let ready = false;
  const hanging = (async () => {
    while (!ready) {
      server.signal("SIGHUP");
      await new Promise(setImmediate);
    }
  })();
  const line = await server.ready;
  ready = true;
  await hanging;
  await file.expectReloads(server, line.replace("Colloquy is ready at ", ""), own.url);
  server.signal("SIGTERM");
  expect((await server.ended).status).toBe(0);
});
