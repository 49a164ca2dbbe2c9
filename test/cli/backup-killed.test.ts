// A backup whose server is killed says so, and leaves nothing that looks like a backup; the next one is whole.
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyCluster } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { startServer } from "../support/servers/process.ts";

test("Aiven-Open/pghoard#54, wal-e/wal-e#327: a backup whose server is killed says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "colloquy-backup-killed-"));
  await mkdir(join(folder, "data"));
  await copyCluster(join(folder, "data"));
  const environment = { COLLOQUY_DATA_DIR: join(folder, "data"), LOG_LEVEL: "silent" };
  const target = join(folder, "backup");

  /** Kills the server once the backup has begun to copy a thousand files. */
  async function backUpAndKill() {
    const server = startServer({ ...environment, PORT: "0", COLLOQUY_COMPAT: "" });
    await server.ready;
    const running = runInProcess(["backup", target], environment);
    const begun = () => readdir(`${target}.unfinished/postgres/base`).catch(() => []);
    await expect.poll(begun, { interval: 1 }).not.toEqual([]);
    server.signal("SIGKILL");
    const outcome = await running;
    await server.ended;
    return outcome;
  }

  let outcome = await backUpAndKill();
  // The kill came too late.
  for (let tries = 0; outcome.status === 0 && tries < 5; tries++) {
    await rm(target, { recursive: true });
    outcome = await backUpAndKill();
  }
  expect(outcome).toEqual({
    status: 1,
    stdout: "",
    stderr: `colloquy: ${target}: not written: the database ended while it was copied, as it does when its server is killed: try again\n`,
  });
  expect(await readdir(folder)).toEqual(["data"]);

  const { status, stdout } = await runInProcess(["backup", target], environment);
  expect([status, stdout]).toEqual([0, expect.stringContaining(`in ${target}`)]);
  const restored = { ...environment, COLLOQUY_DATA_DIR: join(folder, "restored") };
  expect(await runInProcess(["restore", target], restored)).toMatchObject({ status: 0 });
  await rm(folder, { recursive: true });
}, 300_000);
