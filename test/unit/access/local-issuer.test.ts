import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalIssuer } from "../../../src/access/tokens/local-issuer.ts";
import { RETIRE_AFTER_MS, ROTATE_AFTER_MS } from "../../../src/access/tokens/local-keys.ts";
import { Tokens } from "../../../src/access/tokens/tokens.ts";
import { fakeClock, TENANT } from "../../support/access.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "colloquy-issuer-"));
});
afterEach(() => rm(directory, { recursive: true }));

function setup() {
  const now = fakeClock();
  const issuer = new LocalIssuer(directory, now);
  const verifier = () => new Tokens({ issuers: [new LocalIssuer(directory, now).issuer()], now });
  const issue = (sub = "alice") => issuer.issue({ tenantId: TENANT, sub, role: "manager", ttl: 600 });
  return { now, issuer, verifier, issue };
}

describe("the local issuer", () => {
  test("makes its key on first use, for its owner's eyes only", async () => {
    const { issuer, issue, verifier } = setup();
    const token = await issue();
    expect((await stat(issuer.keys.path)).mode & 0o777).toBe(0o600);
    expect(await verifier().verify(token)).toMatchObject({
      memberId: "alice",
      tenant: TENANT,
      role: "manager",
      key: undefined,
    });
  });

  test("gives a token the whole of its time, however long the key takes to load", async () => {
    const { now } = setup();
    const ticking = () => now() + ticks++ * 1_000;
    let ticks = 0;
    const issuer = new LocalIssuer(directory, ticking);
    const { exp = 0, iat = 0 } = decodeJwt(
      await issuer.issue({ tenantId: TENANT, sub: "alice", role: "manager", ttl: 600 }),
    );
    expect(exp - iat).toBe(600);
  });

  test("makes one key when several processes start at once", async () => {
    const { now } = setup();
    const starts = Array.from({ length: 8 }, () => new LocalIssuer(directory, now).keys.all());
    const [first, ...others] = (await Promise.all(starts)).map((keys) => keys.map(({ kid }) => kid));
    expect(first).toHaveLength(1);
    for (const kids of others) expect(kids).toEqual(first);
  });

  test("publishes the public half of its keys and nothing else", async () => {
    const { issuer } = setup();
    const { keys } = await issuer.keys.publicKeys();
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([["alg", "crv", "kid", "kty", "use", "x", "y"]]);
  });

  test("accepts old tokens after a rotation, and drops the old key when none can be left", async () => {
    const { issuer, issue, verifier, now } = setup();
    const tokens = verifier();
    await tokens.verify(await issue("early"));
    const old = await issue("old");
    now.advance(1_000);
    await issuer.keys.rotate();
    const fresh = await issue("fresh");
    expect(await tokens.verify(old)).toMatchObject({ memberId: "old" });
    expect(await tokens.verify(fresh)).toMatchObject({ memberId: "fresh" });
    expect((await issuer.keys.publicKeys()).keys).toHaveLength(2);
    now.advance(RETIRE_AFTER_MS);
    await issuer.keys.rotate();
    expect((await issuer.keys.publicKeys()).keys).toHaveLength(2);
  });

  test("rotates a key that has grown old, and only then", async () => {
    const { issuer, now } = setup();
    const [before] = await issuer.keys.all();
    expect(await issuer.keys.rotateWhenOld()).toBe(false);
    now.advance(ROTATE_AFTER_MS);
    expect(await issuer.keys.rotateWhenOld()).toBe(true);
    expect(await issuer.keys.rotateWhenOld()).toBe(false);
    const kids = (await issuer.keys.all()).map(({ kid }) => kid);
    expect(kids).toHaveLength(2);
    expect(kids[1]).toBe(before?.kid);
  });

  test("refuses a file that everyone can read", async () => {
    const { issuer } = setup();
    await issuer.keys.all();
    await chmod(issuer.keys.path, 0o644);
    await expect(issuer.keys.all()).rejects.toThrow("chmod 600");
  });

  test("refuses a damaged file, and quotes nothing of it", async () => {
    const { issuer } = setup();
    await issuer.keys.all();
    const text = await readFile(issuer.keys.path, "utf8");
    for (const damaged of [text.slice(0, -20), text.replace('"P-256"', '"P-384"'), '{"keys":[]}']) {
      await writeFile(issuer.keys.path, damaged);
      await expect(issuer.keys.all()).rejects.toThrow(
        /is damaged: restore it, or move it away to have a new key made$/,
      );
    }
  });

  test.each([0, -1, 1.5, 24 * 60 * 60 + 1])("issues no token for %d seconds", async (ttl) => {
    const { issuer } = setup();
    await expect(issuer.issue({ tenantId: TENANT, sub: "a", role: undefined, ttl })).rejects.toThrow(RangeError);
  });

  test("issues tokens that others can verify from the published keys", async () => {
    const { issuer, issue, now } = setup();
    const server = createServer(async (_, response) => response.end(JSON.stringify(await issuer.keys.publicKeys())));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const options = { issuer: "colloquy", audience: "colloquy", currentDate: new Date(now()) };
    const { payload } = await jwtVerify(await issue(), createRemoteJWKSet(url), options);
    expect(payload).toMatchObject({ sub: "alice", tenant: TENANT, role: "manager", iss: "colloquy", aud: "colloquy" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
