// Restores what a file has changed (timers, mocks, environment, processes) before the next one runs.
import { afterAll, vi } from "vitest";
import { endFile } from "./child.ts";
import { keepCompiled } from "./imports.ts";

const environment = { ...process.env };

// Registered before those of the file, it runs after them.
afterAll(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.resetConfig();
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
  await endFile();
  keepCompiled();
});
