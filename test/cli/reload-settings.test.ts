// SIGHUP applies other issuers and limits from the settings file; invalid ones leave those in force.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { runColloquy, startServer } from "../support/process.ts";

vi.setConfig({ testTimeout: 120_000 });
/** A busy machine takes its time. */
const LONG = { timeout: 45_000 };

let own: TestDatabase;
let folder: string;
let settings: string;
const keys = new Map<string, KeyObject>();
beforeAll(async () => {
  own = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "colloquy-reload-"));
  settings = join(folder, "colloquy.json");
  for (const name of ["first", "second"]) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    keys.set(name, privateKey);
    await writeFile(join(folder, `${name}.pem`), publicKey.export({ type: "spki", format: "pem" }));
  }
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

const issuer = (name: string) => ({
  issuer: `https://${name}.example`,
  audience: "colloquy",
  algorithms: ["ES256"],
  key_file: join(folder, `${name}.pem`),
});

function tokenOf(name: string): Promise<string> {
  return new SignJWT({ tenant: "default", role: "user" })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(`https://${name}.example`)
    .setAudience("colloquy")
    .setSubject("alice")
    .setExpirationTime("1h")
    .sign(keys.get(name)!);
}

async function callWith(url: string, token: string) {
  const { status, headers } = await fetch(`${url}/v1/conversations`, { headers: { authorization: `Bearer ${token}` } });
  return { status, limit: headers.get("ratelimit-policy") };
}

/** What several connections get, which workers take in turns. */
async function statusesOf(url: string, token: string): Promise<number[]> {
  const all = await Promise.all([1, 2, 3, 4].map(() => callWith(url, token)));
  return [...new Set(all.map(({ status }) => status))];
}

describe.each(["1", "2"])("with %s worker(s)", (COLLOQUY_WORKERS) => {
  test("the issuers and limits of the file apply after SIGHUP", async () => {
    const write = (content: unknown) => writeFile(settings, JSON.stringify(content));
    await write({ COLLOQUY_ISSUERS: [issuer("first")], COLLOQUY_RATE_LIMITS: "caller=1000/60" });
    const server = startServer({
      COLLOQUY_CONFIG: settings,
      COLLOQUY_WORKERS,
      DATABASE_URL: own.url,
      PORT: "0",
      COLLOQUY_COMPAT: "",
    });
    try {
      const url = (await server.ready).replace("Colloquy is ready at ", "");
      await runColloquy(["member", "set", "--tenant", "default", "--id", "alice"], { DATABASE_URL: own.url });
      const [first, second] = [await tokenOf("first"), await tokenOf("second")];
      expect([await statusesOf(url, first), await statusesOf(url, second)]).toEqual([[200], [401]]);
      expect((await callWith(url, first)).limit).toContain('"caller";q=1000;w=60');

      await write({ COLLOQUY_ISSUERS: [issuer("second")], COLLOQUY_RATE_LIMITS: "caller=500/60" });
      server.signal("SIGHUP");
      await expect.poll(() => statusesOf(url, second), LONG).toEqual([200]);
      // A token that was verified before is refused too.
      await expect.poll(() => statusesOf(url, first), LONG).toEqual([401]);
      await expect.poll(async () => (await callWith(url, second)).limit, LONG).toContain('"caller";q=500;w=60');

      const refused = server.logs("the settings were not reloaded");
      await write({ COLLOQUY_ISSUERS: [{ issuer: "x" }], COLLOQUY_RATE_LIMITS: "caller=none" });
      server.signal("SIGHUP");
      await refused;
      const unusable = server.logs("the settings were not reloaded");
      await write({ COLLOQUY_ISSUERS: [{ ...issuer("first"), key_file: settings }] });
      server.signal("SIGHUP");
      await unusable;
      expect([await statusesOf(url, first), await statusesOf(url, second)]).toEqual([[401], [200]]);
      expect((await callWith(url, second)).limit).toContain('"caller";q=500;w=60');
    } finally {
      server.signal("SIGTERM");
      await server.ended;
    }
  });
});

test("SIGHUP while it starts ends nothing, from the first moment in which the program runs", async () => {
  const server = startServer({ DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "" });
  // Bit 0 of the signals that are caught is SIGHUP. Before that, Node itself starts.
  const catches = () => /^SigCgt:\s*[\da-f]*[13579bdf]$/m.test(readFileSync(`/proc/${server.pid}/status`, "utf8"));
  while (!catches()) await new Promise(setImmediate);
  let ready = false;
  const hanging = (async () => {
    while (!ready) {
      server.signal("SIGHUP");
      await new Promise(setImmediate);
    }
  })();
  expect(await server.ready).toContain("http://");
  ready = true;
  await hanging;
  server.signal("SIGTERM");
  expect((await server.ended).status).toBe(0);
});
