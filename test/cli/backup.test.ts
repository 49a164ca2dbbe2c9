// `colloquy backup` and `restore`: a copy of the embedded database, made while the server writes.
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startEmbedded } from "../../src/embedded-postgres/embedded.ts";
import { MIGRATION_TABLE } from "../../src/store/migrations/names.ts";
import { startOwnApp } from "../fault/stage/app.ts";
import { administer, copyCluster, silent } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, runColloquy, startServer } from "../support/servers/process.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let dataDir: string;
let server: RunningServer;
let url: string;
let key: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-backup-"));
  dataDir = join(folder, "data");
  await mkdir(dataDir);
  await copyCluster(dataDir);
  server = startServer({ COLLOQUY_DATA_DIR: dataDir, PORT: "0", COLLOQUY_COMPAT: "", LOG_LEVEL: "error" });
  url = /http:\S+/.exec(await server.ready)?.[0] ?? "";
  const created = await command(["key", "create", "--scopes", "read,write"]);
  key = created.stdout.trim();
});
afterAll(async () => {
  server?.signal("SIGTERM");
  await server?.ended;
  await rm(folder, { recursive: true, force: true });
});

const command = (words: string[], COLLOQUY_DATA_DIR = dataDir) => runInProcess(words, { COLLOQUY_DATA_DIR });

async function call(at: string, path: string, body?: unknown) {
  const response = await fetch(`${at}/v1/${path}`, {
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  expect(response.ok).toBe(true);
  return await response.json();
}

/** Gives the path of the file's bytes. */
async function upload(text: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/v1/files`, { method: "POST", headers, body: text });
  const { id } = (await response.json()) as { id: string };
  const tenant = (await readdir(join(dataDir, "files"))).find((name) => name !== "unfinished") ?? "";
  return join("files", tenant, id.slice(-2), id);
}

test("a backup made while messages are sent holds each that was acknowledged before it, and no half of one", async () => {
  const { id } = await call(url, "conversations", { conversation: { title: "Backed up" } });
  const file = await upload("kept");
  // As one that is deleted after the database was copied.
  await rm(join(dataDir, await upload("gone")));
  let acknowledged = 0;
  let sending = true;
  const writers = Array.from({ length: 4 }, async () => {
    while (sending) {
      await call(url, `conversations/${id}/messages`, { content: "x".repeat(2_000) });
      acknowledged++;
    }
  });
  await vi.waitUntil(() => acknowledged > 20, { timeout: 60_000 });
  const before = acknowledged;
  const target = join(folder, "backup");
  const made = await runColloquy(["backup", target], { COLLOQUY_DATA_DIR: dataDir });
  const after = acknowledged + writers.length;
  sending = false;
  await Promise.all(writers);
  expect(made).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^\d+ files, [\d.]+ MiB, in .*\/backup\n$/),
    stderr: "",
  });
  expect((await readdir(target)).sort()).toEqual(["backup.json", "files", "postgres"]);

  const restored = join(folder, "restored");
  const outcome = await command(["restore", target], restored);
  const told = /^the state of 20\S+Z is in .*\nfiles of the database without bytes here: 1, .*\n$/;
  expect(outcome).toEqual({ status: 0, stdout: expect.stringMatching(told), stderr: "" });
  expect(await readFile(join(restored, file), "utf8")).toBe("kept");
  const embedded = await startEmbedded({ dataDir: restored, logger: silent });
  const other = await startOwnApp({ url: embedded.url });
  try {
    const { messageCount } = await call(other.url, `conversations/${id}`);
    expect(Number(messageCount)).toBeGreaterThanOrEqual(before);
    expect(Number(messageCount)).toBeLessThanOrEqual(after);
    const seqs: number[] = [];
    let pageToken = "";
    do {
      const path = `conversations/${id}/messages?pageSize=200&pageToken=${encodeURIComponent(pageToken)}`;
      const page = await call(other.url, path);
      for (const { seq } of page.messages) seqs.push(Number(seq));
      pageToken = page.nextPageToken ?? "";
    } while (pageToken !== "");
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: Number(messageCount) }, (_, index) => index + 1));
    // It takes more.
    const sent = await call(other.url, `conversations/${id}/messages`, { content: "after" });
    expect(Number(sent.seq)).toBe(Number(messageCount) + 1);
  } finally {
    await other[Symbol.asyncDispose]();
    await embedded.stop();
  }
});

test("beside a server of an older release a command changes no table, and a backup is one of that release", async () => {
  const beside = await startEmbedded({ dataDir, logger: silent, role: "command" });
  const applied = () => administer(beside.url, `select name from ${MIGRATION_TABLE} order by id`);
  const all = await applied();
  const [last] = await administer(beside.url, `delete from ${MIGRATION_TABLE} where name = $1 returning *`, [
    all.at(-1)?.name,
  ]);
  try {
    const refused = await command(["key", "create", "--scopes", "read"]);
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /^colloquy: Colloquy \(pid \d+, http:\S+\) is of an older release, .*: use the command of that release, or stop/,
    );
    expect((await command(["backup", join(folder, "before-update")])).status).toBe(0);
    expect(await applied()).toEqual(all.slice(0, -1));
  } finally {
    const [names, values] = [Object.keys(last ?? {}), Object.values(last ?? {})];
    await administer(
      beside.url,
      `insert into ${MIGRATION_TABLE} (${names}) values (${names.map((_, index) => `$${index + 1}`)}) on conflict do nothing`,
      values,
    );
    await beside.stop();
  }
});

test("doctor sees that the database runs, also by a relative path and by a link", async () => {
  const link = join(folder, "link");
  await symlink(dataDir, link);
  for (const path of [dataDir, relative(process.cwd(), dataDir), link]) {
    const { stdout } = await command(["doctor"], path);
    expect(stdout, path).toMatch(/^ok {4}database: embedded PostgreSQL \d+, running as pid \d+$/m);
  }
});

test("a backup that is stopped ends at once, says so, and leaves nothing", async () => {
  const own = await mkdtemp(join(folder, "stopped-"));
  const target = join(own, "target");
  const ending = new AbortController();
  const running = runInProcess(["backup", target], { COLLOQUY_DATA_DIR: dataDir }, { signal: ending.signal });
  const begun = () => readdir(join(`${target}.unfinished`, "postgres")).catch(() => []);
  await expect.poll(begun, { interval: 1 }).not.toEqual([]);
  ending.abort();
  const stderr = `colloquy: ${target}: not written: the command was stopped\n`;
  expect(await running).toEqual({ status: 1, stdout: "", stderr });
  expect(await readdir(own)).toEqual([]);
});

test("nothing is written over: neither by a backup nor by a restore", async () => {
  const target = join(folder, "there");
  await writeFile(target, "");
  expect(await command(["backup", target])).toMatchObject({
    status: 1,
    stderr: `colloquy: ${target}: exists already: name a new folder\n`,
  });
  expect(await command(["restore", target])).toMatchObject({
    status: 1,
    stderr: `colloquy: COLLOQUY_DATA_DIR: ${dataDir} is not empty: name a new directory\n`,
  });
});

test("a folder that cannot be made is told in words", async () => {
  const nowhere = join(folder, "missing", "backup");
  expect(await command(["backup", nowhere])).toEqual({
    status: 1,
    stdout: "",
    stderr:
      `colloquy: ${nowhere}: cannot be created: name a folder where this user may write\n` +
      `  ENOENT: no such file or directory, mkdir '${nowhere}.unfinished'\n`,
  });
});

test("a damaged backup, one that lacks a file, and what is none leave no data directory behind", async () => {
  const target = join(folder, "damaged");
  expect((await command(["backup", target])).status).toBe(0);
  const fresh = join(folder, "fresh");
  const refused = async (from: string) => {
    const { status, stderr } = await command(["restore", from], fresh);
    expect((await readdir(folder)).filter((name) => name.startsWith("fresh"))).toEqual([]);
    return [status, stderr.split("\n")[0]];
  };
  const manifest = await readFile(join(target, "backup.json"), "utf8");
  await writeFile(join(target, "backup.json"), manifest.replace('"postgres/PG_VERSION"', '"../PG_VERSION"'));
  expect(await refused(target)).toEqual([
    1,
    `colloquy: ${target}: is not a backup: it has no backup.json that can be read`,
  ]);
  await writeFile(join(target, "backup.json"), manifest);
  await appendFile(join(target, "postgres/PG_VERSION"), " ");
  expect(await refused(target)).toEqual([1, `colloquy: ${target}: postgres/PG_VERSION is damaged`]);
  await rm(join(target, "postgres/PG_VERSION"));
  expect(await refused(target)).toEqual([1, `colloquy: ${target}: postgres/PG_VERSION cannot be read`]);
  expect(await refused(folder)).toEqual([
    1,
    `colloquy: ${folder}: is not a backup: it has no backup.json that can be read`,
  ]);
});

test("a database of one's own is backed up by its own tools", async () => {
  const { status, stderr } = await runInProcess(["backup", join(folder, "own")], {
    DATABASE_URL: "postgresql://127.0.0.1:1/none",
  });
  expect([status, stderr]).toEqual([
    1,
    "colloquy: DATABASE_URL: this is for the embedded database: use pg_basebackup or pg_dump for your own PostgreSQL\n",
  ]);
});
