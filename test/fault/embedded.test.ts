import { execFile } from "node:child_process";
import { appendFile, chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Embedded, startEmbedded } from "../../src/embedded-postgres/embedded.ts";
import { isAlive } from "../../src/embedded-postgres/postmaster.ts";
import type { Database } from "../../src/store/database.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { administer, copyCluster, silent } from "../support/postgres.ts";
import { type Environment, runColloquy, startServer } from "../support/process.ts";
import { crashPostgres } from "./faults/processes.ts";

// Whole processes and clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const isRoot = process.getuid?.() === 0;

async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-embedded-"));
  // The last to run, as it is the first to be registered.
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

// Making a cluster takes seconds, a copy of one a part of that: only tests of the making make their own.
let made: string;
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "colloquy-embedded-"));
  await copyCluster(made);
  const embedded = await startEmbedded({ dataDir: made, logger: silent, role: "server" });
  await embedded.stop();
  await untilDead(embedded.pid);
});
afterAll(() => rm(made, { recursive: true, force: true }));

/** A data directory as a server that has stopped leaves it. */
async function newDirectory(): Promise<string> {
  const directory = await emptyDirectory();
  await copyMade(directory);
  return directory;
}

/** With its owner, which PostgreSQL insists on. */
async function copyMade(directory: string): Promise<void> {
  await promisify(execFile)("cp", ["-a", join(made, "postgres"), directory]);
}

async function start(dataDir: string, role: "server" | "command" = "server"): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, logger: silent, role });
  onTestFinished(() => embedded.stop());
  return embedded;
}

async function open(embedded: Embedded): Promise<Database> {
  const database = await openDatabase({ url: embedded.url });
  onTestFinished(() => database.close());
  return database;
}

async function untilAnswers(database: Database): Promise<void> {
  for (;;) {
    try {
      return await database.ping();
    } catch {
      await delay(10);
    }
  }
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8"), 10);
}

async function untilDead(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(10);
}

const settingsOf = (dataDir: string): Environment => ({ COLLOQUY_DATA_DIR: dataDir, PORT: "0", COLLOQUY_COMPAT: "" });

describe("the embedded PostgreSQL", () => {
  test("keeps what was written, from one start to the next", async () => {
    const dataDir = await newDirectory();
    const first = await start(dataDir);
    await administer(first.url, "create table kept as select 42 as it");
    await first.stop();
    await untilDead(first.pid);
    const second = await start(dataDir);
    expect(await administer(second.url, "select it from kept")).toEqual([{ it: 42 }]);
  });

  test("is durable, takes a password, and listens to nobody but its owner", async () => {
    const dataDir = await newDirectory();
    const { url } = await start(dataDir);
    const settings = await administer(
      url,
      `select name, setting from pg_settings
       where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses') order by name`,
    );
    expect(settings.map(({ setting }) => setting)).toEqual(["on", "on", "", "on"]);
    await expect(administer(url.replace(/:[^:@]+@/, ":wrong@"), "select 1")).rejects.toThrow(/password/);
    expect((await stat(join(dataDir, "postgres"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDir, "postgres/colloquy.password"))).mode & 0o777).toBe(0o600);
  });

  test("is started again when it is killed, at the same address", async () => {
    const dataDir = await newDirectory();
    const embedded = await start(dataDir);
    const database = await open(embedded);
    await database.ping();
    const { pid: before, url: address } = embedded;
    process.kill(before, "SIGKILL");
    // Sessions of the killed one may still answer for a moment.
    while ((await postmasterOf(dataDir).catch(() => before)) === before) await delay(10);
    await untilAnswers(database);
    expect(embedded.url).toBe(address);
  });

  test("that cannot be started again is tried more and more seldom, however long it held out before", async () => {
    const dataDir = await newDirectory();
    const attempts: number[] = [];
    const clock = performance.now.bind(performance);
    const logger = pino({}, { write: (line) => void (line.includes("could not restart") && attempts.push(clock())) });
    const embedded = await startEmbedded({ dataDir, logger });
    const settings = join(dataDir, "postgres/postgresql.conf");
    const right = await readFile(settings);
    try {
      await appendFile(settings, "nonsense = on\n");
      const late = vi.spyOn(performance, "now").mockImplementation(() => clock() + 120_000);
      onTestFinished(() => late.mockRestore());
      process.kill(embedded.pid, "SIGKILL");
      await vi.waitFor(() => expect(attempts.length).toBeGreaterThanOrEqual(4), 30_000);
      // The third pause is half a second.
      expect((attempts[3] ?? 0) - (attempts[2] ?? 0)).toBeGreaterThan(490);
    } finally {
      await writeFile(settings, right);
      await embedded.stop();
    }
  });

  test("is shared by a server and commands, and stops with the last of them", async () => {
    const dataDir = await newDirectory();
    const server = await start(dataDir);
    const command = await start(dataDir, "command");
    expect(command.pid).toBe(server.pid);
    await server.stop();
    expect(await administer(command.url, "select 1 as it")).toEqual([{ it: 1 }]);
    await command.stop();
    await untilDead(command.pid);
  });

  test("is not stopped by a command that ends while the server goes on", async () => {
    const dataDir = await newDirectory();
    const command = await start(dataDir, "command");
    const server = await start(dataDir);
    await command.stop();
    expect(await administer(server.url, "select 1 as it")).toEqual([{ it: 1 }]);
  });

  test("is made once when several processes make it at once", async () => {
    const dataDir = await emptyDirectory();
    const all = await Promise.all([start(dataDir, "command"), start(dataDir, "command"), start(dataDir)]);
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    expect(await readdir(dataDir)).toEqual(["postgres"]);
  });

  test("gets over an initialization that was cut short", async () => {
    const dataDir = await emptyDirectory();
    await mkdir(join(dataDir, "init-abc/cluster/base"), { recursive: true });
    await start(dataDir);
    expect(await readdir(dataDir)).toEqual(["postgres"]);
  });

  test("gets over the pid file of a dead one whose number another process has", async () => {
    const dataDir = await newDirectory();
    const first = await start(dataDir);
    await first.stop();
    const pidFile = join(dataDir, "postgres/postmaster.pid");
    await writeFile(pidFile, `${process.pid}\n/proc/self/cwd\n1\n5432\n.\n\n   1 2\nready   \n`);
    if (isRoot) {
      const { uid, gid } = await stat(join(dataDir, "postgres"));
      await chown(pidFile, uid, gid);
    }
    const second = await start(dataDir);
    expect(await administer(second.url, "select 1 as it")).toEqual([{ it: 1 }]);
  });

  test("refuses files of another version, and says what to do", async () => {
    const dataDir = await newDirectory();
    await (await start(dataDir)).stop();
    await writeFile(join(dataDir, "postgres/PG_VERSION"), "12\n");
    await expect(start(dataDir)).rejects.toThrow(/made by PostgreSQL 12, this is PostgreSQL 18: dump it/);
  });

  test("works in a directory whose path is too long for a socket", async () => {
    const dataDir = join(await emptyDirectory(), "d".repeat(100));
    await mkdir(dataDir);
    await copyMade(dataDir);
    const { url } = await start(dataDir);
    expect(await administer(url, "select 1 as it")).toEqual([{ it: 1 }]);
  });

  test.runIf(isRoot)("works below a directory that only root can enter", async () => {
    const closed = await emptyDirectory();
    await chmod(closed, 0o700);
    const { url } = await start(join(closed, "data"));
    expect(await administer(url, "select 1 as it")).toEqual([{ it: 1 }]);
  });

  test.runIf(isRoot)("takes back files that a restore gave to root", async () => {
    const dataDir = await newDirectory();
    await (await start(dataDir)).stop();
    const give = async (path: string): Promise<void> => {
      await chown(path, 0, 0);
      if ((await stat(path)).isDirectory()) for (const name of await readdir(path)) await give(join(path, name));
    };
    await give(join(dataDir, "postgres"));
    const { url } = await start(dataDir);
    expect(await administer(url, "select 1 as it")).toEqual([{ it: 1 }]);
  });
});

describe("the server process", () => {
  test("stops PostgreSQL with itself, and says nothing but its result on standard output", async () => {
    const dataDir = await newDirectory();
    const server = startServer(settingsOf(dataDir));
    const line = await server.ready;
    const postgres = await postmasterOf(dataDir);
    server.signal("SIGTERM");
    const { status, stdout } = await server.ended;
    expect(status).toBe(0);
    expect(stdout.split("\n")[0]).toBe(line);
    await untilDead(postgres);
  });

  test("refuses to run twice on one data directory, says who is there, and harms nothing", async () => {
    const dataDir = await newDirectory();
    const first = startServer(settingsOf(dataDir));
    await first.ready;
    const second = await runColloquy(["serve"], settingsOf(dataDir));
    expect(second.status).toBe(1);
    expect(second.stdout).toBe("");
    expect(second.stderr).toContain(`Colloquy (pid ${first.pid}, http://127.0.0.1:`);
    expect(second.stderr).toContain(`already runs on the data directory ${dataDir}`);
    expect(await runColloquy(["migrate"], settingsOf(dataDir))).toMatchObject({ status: 0, stdout: "nothing to do\n" });
    first.signal("SIGINT");
    expect((await first.ended).status).toBe(0);
  });

  test("that was killed leaves no PostgreSQL behind, and the next start works at once", async () => {
    const dataDir = await newDirectory();
    const first = startServer(settingsOf(dataDir));
    await first.ready;
    const orphan = await postmasterOf(dataDir);
    first.signal("SIGKILL");
    await first.ended;
    const second = startServer(settingsOf(dataDir));
    await second.ready;
    second.signal("SIGTERM");
    expect((await second.ended).status).toBe(0);
    await untilDead(orphan);
  });

  test("that was killed together with PostgreSQL starts again", async () => {
    const dataDir = await newDirectory();
    const first = startServer(settingsOf(dataDir));
    await first.ready;
    process.kill(await postmasterOf(dataDir), "SIGKILL");
    first.signal("SIGKILL");
    await first.ended;
    const second = startServer(settingsOf(dataDir));
    await second.ready;
    second.signal("SIGTERM");
    expect((await second.ended).status).toBe(0);
  });

  test("stops PostgreSQL with itself though that had just recovered, and it was about to look for it", async () => {
    const dataDir = await newDirectory();
    const server = startServer(settingsOf(dataDir));
    await server.ready;
    const postgres = await postmasterOf(dataDir);
    // After some deaths it waits before it looks again.
    for (let deaths = 0; deaths < 3; deaths++) {
      const back = server.logs("PostgreSQL is back");
      crashPostgres(postgres, "backend");
      await back;
    }
    const noticed = server.logs("PostgreSQL exited");
    crashPostgres(postgres, "backend");
    await noticed;
    server.signal("SIGTERM");
    expect((await server.ended).status).toBe(0);
    await untilDead(postgres);
  });
});
