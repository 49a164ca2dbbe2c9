// `colloquy restore`, stopped within a large file.
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runInProcess } from "../support/servers/command-in-process.ts";

test("a restore that is stopped ends within a file, says so, and leaves nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "colloquy-restore-"));
  const source = join(folder, "backup");
  const dataDir = join(folder, "data");
  const large = join("postgres", "large");
  await mkdir(join(source, "postgres"), { recursive: true });
  await writeFile(join(source, large), "");
  await truncate(join(source, large), 2 ** 28);
  const files = [{ path: large, bytes: 2 ** 28, sha256: "" }];
  await writeFile(
    join(source, "backup.json"),
    JSON.stringify({ colloquy: "1.0.0", time: "2026-01-01T00:00:00Z", files }),
  );

  const ending = new AbortController();
  const running = runInProcess(["restore", source], { COLLOQUY_DATA_DIR: dataDir }, { signal: ending.signal });
  const copied = async () => (await stat(join(`${dataDir}.unfinished`, large)).catch(() => undefined))?.size ?? 0;
  await expect.poll(copied, { interval: 1 }).toBeGreaterThan(0);
  ending.abort();
  let ended = false;
  let most = 0;
  const watched = running.finally(() => {
    ended = true;
  });
  while (!ended) most = Math.max(most, await copied());
  const stderr = `colloquy: ${dataDir}: not written: the command was stopped\n`;
  expect(await watched).toEqual({ status: 1, stdout: "", stderr });
  expect(most).toBeLessThan(2 ** 27);
  expect(await readdir(folder)).toEqual(["backup"]);
  await rm(folder, { recursive: true });
});
