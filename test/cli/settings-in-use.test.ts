// Settings that look right and turn out wrong when they are used: the start says which, in words and without a stack.
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { missingTenant } from "../../src/app/banner.ts";
import { loadConfig } from "../../src/config/config.ts";
import { createTenantStore } from "../../src/store/directory/access.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type Environment, type Outcome, runColloquy, startServer } from "../support/servers/process.ts";

let own: TestDatabase;
let folder: string;
let noPem: string;
beforeAll(async () => {
  own = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "colloquy-settings-"));
  noPem = join(folder, "no.pem");
  await writeFile(noPem, "not a key\n");
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

/** With a database that is there and a port that is free. */
function withUsual(settings: Environment): Environment {
  const usual = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: join(folder, "data"), PORT: "0", COLLOQUY_COMPAT: "" };
  return { ...usual, ...settings };
}

/** Starts a server that should end by itself. */
function serve(settings: Environment, run: typeof runColloquy = runInProcess): Promise<Outcome> {
  return run(["serve"], withUsual(settings));
}

function expectWords({ status, stdout, stderr }: Outcome, ...beginnings: string[]): void {
  const [first = "", ...others] = stderr.trimEnd().split("\n");
  expect([status, stdout]).toEqual([1, ""]);
  for (const text of beginnings) expect(first).toContain(text);
  // At most the cause follows.
  expect(others.length).toBeLessThanOrEqual(1);
  expect(stderr).not.toMatch(/Error:|\n {4}at /);
}

test("two dialects on one path", async () => {
  const settings = { COLLOQUY_COMPAT: "helpdesk,assistant" };
  expectWords(await serve(settings, runColloquy), "both claim", "COLLOQUY_COMPAT");
});

test("a certificate and a key that are none", async () => {
  expectWords(await serve({ TLS_CERT: noPem, TLS_KEY: noPem }), "TLS_CERT and TLS_KEY: ");
});

test("a key file of an issuer that holds no public key", async () => {
  const issuer = { issuer: "https://login.example.com/", audience: "colloquy", algorithms: ["RS256"] };
  const settings = (file: string) => ({ COLLOQUY_ISSUERS: JSON.stringify([{ ...issuer, key_file: file }]) });
  expectWords(await serve(settings(noPem)), `COLLOQUY_ISSUERS: ${noPem} `);

  const secret = join(folder, "private.pem");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(secret, privateKey.export({ type: "pkcs8", format: "pem" }));
  const outcome = await serve(settings(secret));
  expectWords(outcome, `COLLOQUY_ISSUERS: ${secret} `);
  expect(outcome.stderr).toContain("private key");
});

test("a data directory that cannot be one", async () => {
  for (const url of ["", own.url]) {
    expectWords(await serve({ DATABASE_URL: url, COLLOQUY_DATA_DIR: noPem }), `COLLOQUY_DATA_DIR: ${noPem} `);
  }
  const settings = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: noPem };
  expectWords(
    await runInProcess(["token", "--sub", "a", "--role", "super_admin"], settings),
    `COLLOQUY_DATA_DIR: ${noPem} `,
  );
});

test("a file in the data directory that is damaged or open to others", async () => {
  const data = await mkdtemp(join(folder, "damaged-"));
  await writeFile(join(data, "agent.key"), "short", { mode: 0o600 });
  expectWords(await serve({ COLLOQUY_DATA_DIR: data }), "agent.key does not hold a key");
  await rm(join(data, "agent.key"));
  await writeFile(join(data, "issuer.json"), "{}", { mode: 0o600 });
  expectWords(await serve({ COLLOQUY_DATA_DIR: data }), "issuer.json is damaged");
  await chmod(join(data, "issuer.json"), 0o644);
  expectWords(await serve({ COLLOQUY_DATA_DIR: data }), "issuer.json can be read by everyone");
});

test("a database that cannot be reached, or lets nobody in", async () => {
  expectWords(await serve({ DATABASE_URL: "postgresql://u:secret@127.0.0.1:1/d" }), "DATABASE_URL: ");
  const elsewhere = new URL(own.url.replace("@/", "@localhost/"));
  elsewhere.pathname = "/no_such_database";
  const url = own.url.includes("@/") ? elsewhere.href.replace("@localhost/", "@/") : elsewhere.href;
  expectWords(await serve({ DATABASE_URL: url }), "DATABASE_URL: ");
});

test("a trusted tenant that is not there: it may be made yet, so the server starts and says so", async () => {
  const server = startServer(withUsual({ COLLOQUY_COMPAT: "assistant", COLLOQUY_TRUST_TENANT: "acme" }));
  await server.ready;
  server.signal("SIGTERM");
  const words = 'The tenant "acme" of COLLOQUY_TRUST_TENANT does not exist yet';
  expect((await server.ended).stdout).toContain(words);

  const tenants = createTenantStore(await own.open());
  const said = (settings: Environment) => missingTenant(loadConfig(settings), tenants);
  const trusting = { COLLOQUY_COMPAT: "assistant", COLLOQUY_TRUST_TENANT: "acme" };
  expect(await said(trusting)).toEqual([expect.stringContaining(words)]);
  expect(await said({ ...trusting, COLLOQUY_COMPAT: "crm" })).toEqual([]);
  expect(await said({ COLLOQUY_COMPAT: "assistant" })).toEqual([]);
});
