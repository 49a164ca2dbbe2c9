// A settings file that changes under a running server: other issuers and limits, and what callers notice of them.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { expect } from "vitest";
import { endWithTest } from "../run/child.ts";
import { runInProcess } from "./command-in-process.ts";
import type { RunningServer } from "./process.ts";

/** A busy machine takes its time. */
const LONG = { timeout: 45_000 };

export interface SettingsFile {
  readonly path: string;
  /** Sends SIGHUP after each change of the file, and looks at what has changed for callers. */
  expectReloads(server: RunningServer, url: string, databaseUrl: string): Promise<void>;
}

/** It names one issuer and a limit. */
export async function createSettingsFile(): Promise<SettingsFile> {
  const folder = await mkdtemp(join(tmpdir(), "colloquy-reload-"));
  endWithTest(() => rm(folder, { recursive: true }));
  const path = join(folder, "colloquy.json");
  const keys = new Map<string, KeyObject>();
  for (const name of ["first", "second"]) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    keys.set(name, privateKey);
    await writeFile(join(folder, `${name}.pem`), publicKey.export({ type: "spki", format: "pem" }));
  }
  const issuer = (name: string) => ({
    issuer: `https://${name}.example`,
    audience: "colloquy",
    algorithms: ["ES256"],
    key_file: join(folder, `${name}.pem`),
  });
  const write = (content: unknown) => writeFile(path, JSON.stringify(content));
  await write({ COLLOQUY_ISSUERS: [issuer("first")], COLLOQUY_RATE_LIMITS: "caller=1000/60" });
  return {
    path,
    async expectReloads(server, url, databaseUrl) {
      await runInProcess(["member", "set", "--tenant", "default", "--id", "alice"], { DATABASE_URL: databaseUrl });
      const [first, second] = [await tokenOf("first", keys), await tokenOf("second", keys)];
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
      await write({ COLLOQUY_ISSUERS: [{ ...issuer("first"), key_file: path }] });
      server.signal("SIGHUP");
      await unusable;
      expect([await statusesOf(url, first), await statusesOf(url, second)]).toEqual([[401], [200]]);
      expect((await callWith(url, second)).limit).toContain('"caller";q=500;w=60');
    },
  };
}

function tokenOf(name: string, keys: ReadonlyMap<string, KeyObject>): Promise<string> {
  return new SignJWT({ tenant: "default", role: "user" })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(`https://${name}.example`)
    .setAudience("colloquy")
    .setSubject("alice")
    .setExpirationTime("1h")
    .sign(keys.get(name)!);
}

/** Each on a connection of its own, which workers take in turns. */
async function callWith(url: string, token: string) {
  const headers = { authorization: `Bearer ${token}`, connection: "close" };
  const answer = await fetch(`${url}/v1/conversations`, { headers });
  return { status: answer.status, limit: answer.headers.get("ratelimit-policy") };
}

/** What several connections get. */
async function statusesOf(url: string, token: string): Promise<number[]> {
  const all = await Promise.all([1, 2, 3, 4].map(() => callWith(url, token)));
  return [...new Set(all.map(({ status }) => status))];
}
