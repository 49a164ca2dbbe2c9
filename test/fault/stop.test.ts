// A process that is told to stop ends, whatever hangs: it names what it waited for, and leaves no PostgreSQL behind.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { makeApiKey } from "../../src/access/keys/api-key.ts";
import { startEmbedded } from "../../src/embedded-postgres/embedded.ts";
import { isAlive, stopPostmaster } from "../../src/embedded-postgres/postmaster.ts";
import { administer, copyCluster, createTestDatabase, silent, startTestCluster } from "../support/postgres/postgres.ts";
import { type Environment, startProgram, startServer } from "../support/servers/process.ts";
import { startDatabaseProxy } from "./faults/database-proxy.ts";
import { childrenOf, kill, titleOf } from "./faults/processes.ts";
import { createRandom } from "./stage/random.ts";

// Whole processes and clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** A key that is looked up in the database. */
const unknownKey = () => ({ authorization: `Bearer ${makeApiKey(randomUUID(), randomUUID()).text}` });

/** The least connections that a server may have open. */
const POOL = 10;

let made: string;
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "colloquy-stop-"));
  await copyCluster(made);
  await (await startEmbedded({ dataDir: made, logger: silent })).stop();
});
afterAll(() => rm(made, { recursive: true, force: true }));

/** A data directory as a server that has stopped leaves it. */
async function dataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-stop-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  // With its owner, which PostgreSQL insists on.
  await promisify(execFile)("cp", ["-a", join(made, "postgres"), directory]);
  return directory;
}

/** One whose PostgreSQL waits for ever for more to recover: it is there, and takes no connections. */
async function neverUp(): Promise<string> {
  const directory = await dataDirectory();
  const cluster = join(directory, "postgres");
  await appendFile(join(cluster, "postgresql.conf"), "hot_standby = off\n");
  const { stdout } = await promisify(execFile)("stat", ["-c", "%u:%g", cluster]);
  await writeFile(join(cluster, "standby.signal"), "");
  await promisify(execFile)("chown", [stdout.trim(), join(cluster, "standby.signal")]);
  return directory;
}

async function postmasterOf(dataDir: string): Promise<number> {
  const pidFile = join(dataDir, "postgres/postmaster.pid");
  const read = async () => Number.parseInt(await readFile(pidFile, "utf8").catch(() => ""), 10) || 0;
  await expect.poll(read).toBeGreaterThan(0);
  return read();
}

const settingsOf = (dataDir: string): Environment => ({ COLLOQUY_DATA_DIR: dataDir, PORT: "0", COLLOQUY_COMPAT: "" });

describe("S-STOP: when the time for a stop is over", () => {
  test("a process ends with what never settles under way, and says what it waited for", async () => {
    const dataDir = await dataDirectory();
    const program = startProgram("hanging-command.ts", settingsOf(dataDir));
    expect(await program.ready).toBe("hangs");
    const postgres = await postmasterOf(dataDir);
    program.signal("SIGINT");
    const { status, stderr } = await program.ended;
    expect(status, stderr).toBe(1);
    const last = stderr.trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({
      level: "error",
      msg: "the stop took too long: the process ends without waiting any longer",
      waiting_for: "the command",
      limit_ms: 500,
    });
    await expect.poll(() => isAlive(postgres)).toBe(false);
  });

  test("a PostgreSQL that does not come up is not left behind", async () => {
    const dataDir = await neverUp();
    const program = startProgram("hanging-command.ts", settingsOf(dataDir));
    const postgres = await postmasterOf(dataDir);
    program.signal("SIGTERM");
    const { status, stderr } = await program.ended;
    expect(status, stderr).toBe(1);
    expect(stderr).toContain('"waiting_for":"PostgreSQL to come up"');
    await expect.poll(() => isAlive(postgres)).toBe(false);
  });
});

test.each([
  [
    ["SIGTERM", "SIGINT"],
    [130, 143],
  ],
  [["SIGKILL"], [null]],
] as const)(
  "S-STOP: a PostgreSQL that comes up ends with a process that is ended by %j meanwhile",
  async (signals, statuses) => {
    const dataDir = await neverUp();
    const server = startServer(settingsOf(dataDir));
    const postgres = await postmasterOf(dataDir);
    // Its watchdog is started right after it: on a busy machine that may not have come about yet.
    await expect.poll(() => childrenOf(server.pid).map(titleOf)).toContainEqual(expect.stringMatching(` ${postgres}$`));
    for (const signal of signals) server.signal(signal);
    const { status, stderr } = await server.ended;
    expect(statuses, stderr).toContain(status);
    await expect.poll(() => isAlive(postgres), { timeout: 30_000 }).toBe(false);
  },
);

test("S-STOP: a first start that is ended while PostgreSQL is initialized leaves nothing that the next stumbles over", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "colloquy-stop-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const first = startServer(settingsOf(dataDir));
  const initdb = () => childrenOf(first.pid).find((child) => titleOf(child).includes("initdb"));
  await expect.poll(initdb).toBeDefined();
  const child = initdb();
  first.signal("SIGTERM");
  const { status, stderr } = await first.ended;
  expect(status, stderr).toBe(0);
  if (child !== undefined) await expect.poll(() => isAlive(child)).toBe(false);
  const next = await startEmbedded({ dataDir, logger: silent });
  onTestFinished(() => next.stop());
  expect(await administer(next.url, "select 1 as it")).toEqual([{ it: 1 }]);
  expect((await readdir(dataDir)).filter((name) => name.startsWith("init-"))).toEqual([]);
});

test("S-STOP: a session that does not listen holds PostgreSQL up for a bounded time", async () => {
  const cluster = await startTestCluster();
  onTestFinished(() => cluster.stop());
  const { pid } = cluster;
  const backend = childrenOf(pid).find((child) => titleOf(child).includes("[local]"));
  if (backend === undefined) throw new Error("there is no session");
  kill(backend, "SIGSTOP");
  expect(await stopPostmaster(pid, join(cluster.dataDir, "postgres"), "fast", 100)).toBe("immediate");
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test("S-STOP: a server ends by itself though its database has fallen silent", async () => {
  await using own = await createTestDatabase();
  await using proxy = await startDatabaseProxy(own.url, createRandom(1));
  const server = startServer({ DATABASE_URL: proxy.url, PORT: "0", COLLOQUY_COMPAT: "" });
  const url = (await server.ready).replace("Colloquy is ready at ", "");
  // Work of the background goes over connections that are open already, where no time to connect ends it.
  await Promise.all(
    Array.from({ length: 2 * POOL }, () => fetch(`${url}/v1/conversations`, { headers: unknownKey() })),
  );
  expect(proxy.open).toBeGreaterThanOrEqual(POOL / 2);
  proxy.faults.frozen = true;
  // What it is asked last is never answered.
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  server.signal("SIGINT");
  const { status, stderr } = await server.ended;
  expect(status, stderr).toBe(0);
});
