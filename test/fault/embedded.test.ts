import { appendFile, chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Embedded, startEmbedded } from "../../src/embedded-postgres/embedded.ts";
import { isAlive } from "../../src/embedded-postgres/postmaster.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { administer, copyCluster, silent } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type Environment, type RunningServer, startServer } from "../support/servers/process.ts";
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

/** A data directory with a cluster in it, of which only tests of the making make their own: that takes seconds. */
async function newDirectory(): Promise<string> {
  const directory = await emptyDirectory();
  await copyCluster(directory);
  return directory;
}

async function start(dataDir: string, role: "server" | "command" = "server"): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, logger: silent, role });
  onTestFinished(() => embedded.stop());
  return embedded;
}

async function postmasterOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, "postgres/postmaster.pid"), "utf8"), 10);
}

async function untilDead(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(10);
}

const settingsOf = (dataDir: string): Environment => ({ COLLOQUY_DATA_DIR: dataDir, PORT: "0", COLLOQUY_COMPAT: "" });

describe("the embedded PostgreSQL", () => {
  test("keeps what was written from one start to the next, whatever became of its files meanwhile", async () => {
    const dataDir = await newDirectory();
    const directory = join(dataDir, "postgres");
    const kept = async () => {
      const embedded = await start(dataDir);
      expect(await administer(embedded.url, "select it from kept")).toEqual([{ it: 42 }]);
      await embedded.stop();
      await untilDead(embedded.pid);
    };
    const first = await start(dataDir);
    await expectPrivateAndDurable(first.url, directory);
    await administer(first.url, "create table kept as select 42 as it");
    await first.stop();
    await untilDead(first.pid);
    await kept();

    // The pid file of a dead one, whose number another process has.
    const pidFile = join(directory, "postmaster.pid");
    await writeFile(pidFile, `${process.pid}\n/proc/self/cwd\n1\n5432\n.\n\n   1 2\nready   \n`);
    if (isRoot) {
      const { uid, gid } = await stat(directory);
      await chown(pidFile, uid, gid);
    }
    await kept();

    if (isRoot) {
      // As a restore does.
      const give = async (path: string): Promise<void> => {
        await chown(path, 0, 0);
        if ((await stat(path)).isDirectory()) for (const name of await readdir(path)) await give(join(path, name));
      };
      await give(directory);
      await kept();
    }

    await writeFile(join(directory, "PG_VERSION"), "12\n");
    await expect(start(dataDir)).rejects.toThrow(/made by PostgreSQL 12, this is PostgreSQL 18: dump it/);
  });

  test("is started again when it is killed, at the same address", async () => {
    const dataDir = await newDirectory();
    const embedded = await start(dataDir);
    const database = await openDatabase({ url: embedded.url });
    onTestFinished(() => database.close());
    await database.ping();
    const { pid: before, url: address } = embedded;
    process.kill(before, "SIGKILL");
    // Sessions of the killed one may still answer for a moment.
    while ((await postmasterOf(dataDir).catch(() => before)) === before) await delay(10);
    const answers = () =>
      database.ping().then(
        () => true,
        () => false,
      );
    await expect.poll(answers).toBe(true);
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
    const [command, server, last] = [
      await start(dataDir, "command"),
      await start(dataDir),
      await start(dataDir, "command"),
    ];
    expect([command.pid, last.pid]).toEqual([server.pid, server.pid]);
    const works = () => administer(server.url, "select 1 as it");
    for (const one of [command, server]) {
      await one.stop();
      expect(await works()).toEqual([{ it: 1 }]);
    }
    await last.stop();
    await untilDead(last.pid);
  });

  test("is made once by several processes at once, also where only root can enter and a making was cut short", async () => {
    const closed = await emptyDirectory();
    if (isRoot) await chmod(closed, 0o700);
    const dataDir = join(closed, "data");
    await mkdir(join(dataDir, "init-abc/cluster/base"), { recursive: true });
    const all = await Promise.all([start(dataDir, "command"), start(dataDir, "command"), start(dataDir)]);
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    expect(await administer(all[0].url, "select 1 as it")).toEqual([{ it: 1 }]);
    expect(await readdir(dataDir)).toEqual(["postgres"]);
  });

  test("works in a directory whose path is too long for a socket", async () => {
    const dataDir = join(await emptyDirectory(), "d".repeat(100));
    await mkdir(dataDir);
    await copyCluster(dataDir);
    const { url } = await start(dataDir);
    expect(await administer(url, "select 1 as it")).toEqual([{ it: 1 }]);
  });
});

// One data directory, and one server after the other: what each leaves, the next finds.
describe("the server process", () => {
  let dataDir: string;
  let server: RunningServer;
  let postgres: number;
  const serve = async () => {
    server = startServer(settingsOf(dataDir));
    const line = await server.ready;
    postgres = await postmasterOf(dataDir);
    return line;
  };
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "colloquy-embedded-"));
    await copyCluster(dataDir);
    await serve();
  });
  afterAll(async () => {
    server.signal("SIGKILL");
    await server.ended;
    await untilDead(postgres);
    await rm(dataDir, { recursive: true, force: true });
  });

  test("refuses to run twice on one data directory, says who is there, and harms nothing", async () => {
    const second = await runInProcess(["serve"], settingsOf(dataDir));
    expect(second).toMatchObject({ status: 1, stdout: "" });
    expect(second.stderr).toContain(`Colloquy (pid ${server.pid}, http://127.0.0.1:`);
    expect(second.stderr).toContain(`already runs on the data directory ${dataDir}`);
    expect(await runInProcess(["migrate"], settingsOf(dataDir))).toMatchObject({
      status: 0,
      stdout: "nothing to do\n",
    });
    expect((await fetch(`${/http:\S+/.exec(await server.ready)?.[0]}/readyz`)).status).toBe(200);
  });

  test("that was killed leaves no PostgreSQL behind, and the next start works at once", async () => {
    const orphan = postgres;
    server.signal("SIGKILL");
    await server.ended;
    await serve();
    await untilDead(orphan);
  });

  test("that was killed together with PostgreSQL starts again, and says nothing but its result on standard output", async () => {
    process.kill(postgres, "SIGKILL");
    server.signal("SIGKILL");
    await server.ended;
    const line = await serve();
    server.signal("SIGTERM");
    const { status, stdout } = await server.ended;
    expect(status).toBe(0);
    expect(stdout.split("\n")[0]).toBe(line);
    await untilDead(postgres);
  });

  test("stops PostgreSQL with itself though that had just recovered, and it was about to look for it", async () => {
    await serve();
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

/** Only who owns it can enter and knows the password, and what is committed is on the disk. */
async function expectPrivateAndDurable(url: string, directory: string): Promise<void> {
  const settings = await administer(
    url,
    `select name, setting from pg_settings
     where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses') order by name`,
  );
  expect(settings.map(({ setting }) => setting)).toEqual(["on", "on", "", "on"]);
  await expect(administer(url.replace(/:[^:@]+@/, ":wrong@"), "select 1")).rejects.toThrow(/password/);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect((await stat(join(directory, "colloquy.password"))).mode & 0o777).toBe(0o600);
}
