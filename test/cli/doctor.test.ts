// `colloquy doctor` says line by line what a server would need, and changes nothing.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSealer } from "../../src/agents/secrets/sealing.ts";
import { checkRoom } from "../../src/cli/doctor/machine.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { sealSecret } from "../../src/webhooks/secrets.ts";
import { startOwnApp } from "../fault/stage/app.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type Environment, runColloquy } from "../support/servers/process.ts";
import { freePort } from "../support/services/free-port.ts";

let own: TestDatabase;
let folder: string;
beforeAll(async () => {
  own = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "colloquy-doctor-"));
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

/** Its lines, without what differs from machine to machine, and its status. */
async function doctor(settings: Environment, run: typeof runColloquy = runInProcess) {
  const usual = { COLLOQUY_DATA_DIR: join(folder, "data"), PORT: "0", COLLOQUY_COMPAT: "" };
  const { status, stdout, stderr } = await run(["doctor"], { ...usual, ...settings });
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/v26\S+ on \S+/, "NODE").replace(/[\d.]+ GiB free/, "N GiB free"));
  return { status, lines, stderr };
}

async function answerWith(body: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

test("without settings everything is fine, and nothing is created", async () => {
  expect(await doctor({}, runColloquy)).toEqual({
    status: 0,
    lines: [
      "ok    node: NODE",
      `ok    data directory: ${join(folder, "data")} will be created, N GiB free`,
      "ok    database: embedded PostgreSQL 18, created at the first start",
    ],
    stderr: "",
  });
  expect(await readdir(folder)).toEqual([]);
});

test("F-REPLICA: a replica that is no standby, of another cluster, or away", async () => {
  const away = `postgresql://u:p@127.0.0.1:${await freePort()}/d`;
  const primary = own.url;
  const { status, lines } = await doctor({ DATABASE_URL: primary, COLLOQUY_REPLICA_URLS: `${primary},${away}` });
  expect(lines.filter((line) => /replica/.test(line))).toEqual([
    expect.stringMatching(/^warn {2}replica \S+: it is not a standby, so it is not read$/),
    expect.stringMatching(/^warn {2}replica 127\.0\.0\.1:\d+: .*ECONNREFUSED.*: it is not read meanwhile$/),
  ]);
  expect([status, lines.join().includes("u:p")]).toEqual([0, false]);
});

test("a data directory that others may read, and one that is a file", async () => {
  const open = join(folder, "open");
  await mkdir(open);
  await chmod(open, 0o755);
  const { status, lines } = await doctor({ COLLOQUY_DATA_DIR: open });
  expect([status, lines[2]]).toEqual([
    0,
    `warn  data directory: other users can read it (mode 755): run chmod 700 ${open}`,
  ]);

  const file = join(folder, "file");
  await writeFile(file, "");
  const found = await doctor({ COLLOQUY_DATA_DIR: file });
  expect([found.status, found.lines[1], found.stderr]).toEqual([
    1,
    `fail  data directory: ${file} is not a directory: set COLLOQUY_DATA_DIR to one`,
    expect.stringContaining("of 3 checks failed\n"),
  ]);
});

test("a disk that is full, and one that soon is", () => {
  const room = (bytes: number, low?: string) => checkRoom("files", "/srv", "COLLOQUY_FILES", bytes, low);
  expect(room(0)).toEqual([
    { level: "fail", subject: "files", text: "the disk of /srv is full: free some, or set COLLOQUY_FILES" },
  ]);
  expect(room(2 ** 24 - 1, "files have").map(({ level }) => level)).toEqual(["fail"]);
  expect(room(2 ** 30 - 1, "files have").map(({ level }) => level)).toEqual(["warn"]);
  expect([room(2 ** 24), room(2 ** 30, "files have")]).toEqual([[], []]);
});

test("--ready asks the server that has these settings, and nothing else", async () => {
  const ready = (settings: Environment) => runInProcess(["doctor", "--ready"], settings);
  const port = String(await freePort());
  const away = await ready({ PORT: port });
  expect([away.status, away.stdout]).toEqual([1, `fail  port ${port}: no server answers there\n`]);
  const answer = (status: number, body: string) =>
    createServer((_, response) => response.writeHead(status).end(body)).listen(Number(port), "127.0.0.1");
  for (const [status, body, expected] of [
    [200, "ready\n", [0, `ok    port ${port}: a server is ready there\n`]],
    [503, "not ready\n", [1, `fail  port ${port}: a server is there that is not ready\n`]],
    [200, "something else", [1, `fail  port ${port}: no server answers there\n`]],
  ] as const) {
    const server = answer(status, body);
    await once(server, "listening");
    const found = await ready({ PORT: port });
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    expect([found.status, found.stdout]).toEqual(expected);
  }
});

test("a folder of files beside the data directory, and one that is a file", async () => {
  const path = join(folder, "elsewhere");
  const { status, lines } = await doctor({ COLLOQUY_FILES: `disk:${path}` });
  expect([status, lines[2]]).toEqual([0, `ok    files: ${path} will be created, N GiB free`]);
  const file = join(folder, "no-folder");
  await writeFile(file, "");
  const found = await doctor({ COLLOQUY_FILES: `disk:${file}` });
  expect([found.status, found.lines[2]]).toEqual([
    1,
    `fail  files: ${file} is not a directory: set COLLOQUY_FILES to one`,
  ]);
});

test("an external database: its version, migrations and clock", async () => {
  const { status, lines } = await doctor({ DATABASE_URL: own.url });
  expect([status, lines.slice(2)]).toEqual([
    0,
    [
      expect.stringMatching(/^(ok {2}|warn) {2}database: PostgreSQL \d+.*, a round trip of \d+ ms/),
      "ok    migrations: all applied",
      "ok    clock: that of the database agrees with this machine's",
    ],
  ]);
});

test("a database without the tables, and one that is not there", async () => {
  await using empty = await createTestDatabase("template0");
  const found = await doctor({ DATABASE_URL: empty.url });
  expect(found.status).toBe(1);
  expect(found.lines).toContainEqual(
    expect.stringMatching(/^fail {2}migrations: 0001-initial, .* are not applied: run colloquy migrate$/),
  );

  const port = await freePort();
  const away = await doctor({ DATABASE_URL: `postgresql://u:secret@127.0.0.1:${port}/d` });
  expect([away.status, away.lines[2]]).toEqual([
    1,
    expect.stringMatching(/^fail {2}database: .*ECONNREFUSED.*: check DATABASE_URL and that PostgreSQL runs$/),
  ]);
  expect(away.lines.join() + away.stderr).not.toContain("secret");
});

test("whether this server's key opens what the database holds", async () => {
  await using database = await createTestDatabase();
  const key = randomBytes(32).toString("base64");
  const settings = { DATABASE_URL: database.url, COLLOQUY_DATA_DIR: join(folder, "keyless") };
  const { id: tenantId } = await tablesAt(database.url).tenant();
  const [id, sealer] = [newId(), createSealer([Buffer.from(key, "base64")])];
  const secret = sealSecret(sealer, tenantId, id, "whsec_test").toString("hex");
  await administer(
    database.url,
    `insert into webhook_endpoint (tenant_id, id, description, url, header_names, event_types, ordered, batch_size, timeout_ms, secret)
     values ('${tenantId}', '${id}', '', 'https://example.com', '{}', '{}', true, 1, 1000, '\\x${secret}')`,
  );
  const advice = "set COLLOQUY_AGENT_KEY to the key under which they were stored, or store them anew";
  const right = await doctor({ ...settings, COLLOQUY_AGENT_KEY: key });
  expect([right.status, right.lines]).toEqual([
    0,
    expect.arrayContaining(["ok    agent key: decrypts 1 secret of webhooks"]),
  ]);
  const wrong = await doctor({ ...settings, COLLOQUY_AGENT_KEY: randomBytes(32).toString("base64") });
  expect([wrong.status, wrong.lines]).toEqual([
    1,
    expect.arrayContaining([`fail  agent key: cannot decrypt 1 secret of webhooks: ${advice}`]),
  ]);
  const none = await doctor(settings);
  expect([none.status, none.lines]).toEqual([
    1,
    expect.arrayContaining([`fail  agent key: there is none, and the database has 1 secret of webhooks: ${advice}`]),
  ]);
});

test("a port that a server of ours has, and one that another program has", async () => {
  const port = String(await freePort());
  const settings = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: join(folder, "served"), PORT: port };
  const app = await startOwnApp({ url: own.url, environment: { PORT: port } });
  expect((await doctor(settings)).lines).toContain(`ok    port ${port}: a server is ready there`);
  await app[Symbol.asyncDispose]();
  expect((await doctor(settings)).lines).toContain(`ok    port ${port}: free on 127.0.0.1`);

  const other = await answerWith("hello");
  const taken = await doctor({ PORT: String(other.port) });
  other.server.close();
  expect([taken.status, taken.lines.at(-1)]).toEqual([
    1,
    `fail  port ${other.port}: used by another program: set PORT, or stop that`,
  ]);
});

test("issuers whose keys can be read, and cannot", async () => {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const published = await answerWith(JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] }));
  const nobody = await freePort();
  const issuer = (name: string, port: number) => ({
    issuer: name,
    audience: "colloquy",
    algorithms: ["ES256"],
    jwks_url: `http://127.0.0.1:${port}/keys`,
  });
  const COLLOQUY_ISSUERS = JSON.stringify([
    issuer("https://a.example", published.port),
    issuer("https://b.example", nobody),
  ]);
  const { status, lines } = await doctor({ COLLOQUY_ISSUERS });
  published.server.close();
  expect([status, lines.slice(-2)]).toEqual([
    1,
    [
      "ok    issuer https://a.example: 1 public key",
      expect.stringMatching(
        /^fail {2}issuer https:\/\/b\.example: its keys cannot be read \(.+\): its tokens are refused$/,
      ),
    ],
  ]);
});
