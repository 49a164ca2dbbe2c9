// What operators read: TLS to the database as libpq means it, causes in the log, metrics that the linter takes, the
// first key.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import pg from "pg";
import { expect, test, vi } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { createRecord } from "../../src/pipeline/record.ts";
import { unavailable } from "../../src/store/driver/errors.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { startServer } from "../support/servers/process.ts";

// Whole processes, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const PROMTOOL = "/usr/bin/promtool";

/** What pg makes of TLS with a DATABASE_URL. */
function tlsOf(parameters: string): unknown {
  const { databaseUrl } = loadConfig({ DATABASE_URL: `postgresql://u:p@h/d${parameters}` });
  return new pg.Client({ connectionString: databaseUrl ?? "" }).ssl;
}

test("F-MESSAGES: sslmode means what it means to libpq", () => {
  const root = import.meta.filename;
  expect(tlsOf("")).toBe(false);
  expect(tlsOf("?sslmode=disable")).toBe(false);
  expect(tlsOf("?sslmode=prefer")).toMatchObject({ rejectUnauthorized: false });
  expect(tlsOf("?sslmode=require")).toMatchObject({ rejectUnauthorized: false });
  expect(tlsOf(`?sslmode=require&sslrootcert=${root}`)).toMatchObject({
    ca: expect.any(String),
    checkServerIdentity: expect.any(Function),
  });
  expect(tlsOf(`?sslmode=require&sslrootcert=${root}`)).not.toHaveProperty("rejectUnauthorized");
  expect(tlsOf(`?sslmode=verify-ca&sslrootcert=${root}`)).toMatchObject({ checkServerIdentity: expect.any(Function) });
  expect(tlsOf("?sslmode=verify-full")).toEqual({});
});

test.each([
  ["?sslmode=maybe", "DATABASE_URL: sslmode must be one of disable, prefer, require, verify-ca, verify-full"],
  ["?sslmode=verify-ca", "DATABASE_URL: sslrootcert must name a file"],
  ["?sslmode=verify-full&sslrootcert=/nowhere", "DATABASE_URL: sslrootcert must name a file that can be read"],
])("F-MESSAGES: DATABASE_URL with %s is refused in words", (parameters, words) => {
  expect(() => loadConfig({ DATABASE_URL: `postgresql://u:p@h/d${parameters}` })).toThrow(words);
});

test.each([
  [
    Object.assign(new pg.DatabaseError("terminating connection due to administrator command", 1, "error"), {
      code: "57P01",
    }),
    true,
  ],
  [Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" }), true],
  [
    Object.assign(new pg.DatabaseError('invalid input syntax for type uuid: "secret"', 1, "error"), { code: "22P02" }),
    false,
  ],
])(
  "F-MESSAGES: the log of DATABASE_UNAVAILABLE carries code and text of its cause, and no values",
  async (cause, told) => {
    let log = "";
    const destination = new Writable({
      write(chunk, _, done) {
        log += chunk;
        done();
      },
    });
    const record = createRecord(createMetrics(), createLogger({ destination }));
    const failure = unavailable(cause);
    const sent = { code: 14 };
    record({ method: "m", wire: "rest", requestId: "r", tenant: "t", milliseconds: 1, failure, sent } as never);
    const { level, reason, err } = JSON.parse(log);
    expect({ level, reason, code: err.code }).toEqual({
      level: "warn",
      reason: "DATABASE_UNAVAILABLE",
      code: cause.code,
    });
    expect(err.message).toBe(told ? cause.message : undefined);
  },
);

test("F-MESSAGES: no gauge is named as a counter, and no counter otherwise", async () => {
  const text = await createMetrics().text();
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    expect(`${name} ${type}`).toMatch(type === "counter" ? /_total counter$/ : /(?<!_total) \w+$/);
  }
});

test("S-KEY-LOG: in production the first key goes into a file; F-MESSAGES: the linter of Prometheus finds nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "colloquy-test-"));
  const settings = { COLLOQUY_DATA_DIR: dataDir, PORT: "0", COLLOQUY_COMPAT: "", COLLOQUY_PROFILE: "production" };
  const server = startServer(settings);
  const [url] = /http\S+/.exec(await server.ready) ?? [];
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const file = join(dataDir, "first-api-key");
  const told = `The first API key, for the tenant \`default\`, is in ${file}: copy it and delete the file\n`;
  server.signal("SIGTERM");
  const { stdout, stderr } = await server.ended;
  expect(stdout).toContain(told);
  expect(stdout + stderr).not.toContain("clq_");
  expect(await readFile(file, "utf8")).toMatch(/^clq_\S+\n$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await rm(dataDir, { recursive: true, force: true });

  if (!existsSync(PROMTOOL)) {
    process.stderr.write("promtool is not installed (apt-get install prometheus): skipping the lint of /metrics\n");
    return;
  }
  const lint = spawnSync(PROMTOOL, ["check", "metrics"], { input: metrics, encoding: "utf8" });
  expect(lint.stdout + lint.stderr).toBe("");
});
