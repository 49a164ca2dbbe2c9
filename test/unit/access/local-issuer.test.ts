import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalIssuer } from "../../../src/access/tokens/local-issuer.ts";
import { RETIRE_AFTER_MS, ROTATE_AFTER_MS } from "../../../src/access/tokens/local-keys.ts";
import { Tokens } from "../../../src/access/tokens/tokens.ts";
import { fakeClock, fakeRing, TENANT } from "../../support/servers/access.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "colloquy-issuer-"));
});
afterEach(() => rm(directory, { recursive: true }));

function setup() {
  const now = fakeClock();
  const ring = fakeRing();
  const issuer = new LocalIssuer(ring, now);
  const verifier = () => new Tokens({ issuers: [new LocalIssuer(ring, now).issuer()], now });
  const issue = (sub = "alice") => issuer.issue({ tenantId: TENANT, sub, role: "manager", ttl: 600 });
  return { now, ring, issuer, verifier, issue };
}

describe("the local issuer", () => {
  test("makes its key on first use", async () => {
    const { issue, verifier } = setup();
    const token = await issue();
    expect(await verifier().verify(token)).toMatchObject({
      memberId: "alice",
      tenant: TENANT,
      role: "manager",
      key: undefined,
    });
  });

  test("gives a token the whole of its time, however long the key takes to load", async () => {
    const { now, ring } = setup();
    const ticking = () => now() + ticks++ * 1_000;
    let ticks = 0;
    const issuer = new LocalIssuer(ring, ticking);
    const { exp = 0, iat = 0 } = decodeJwt(
      await issuer.issue({ tenantId: TENANT, sub: "alice", role: "manager", ttl: 600 }),
    );
    expect(exp - iat).toBe(600);
  });

  test("makes one key when several processes start at once", async () => {
    const { now, ring } = setup();
    const starts = Array.from({ length: 8 }, () => new LocalIssuer(ring, now).keys.all());
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

  test("keeps the keys of an earlier release's file, and the tokens that they have signed", async () => {
    const { now, ring, issuer, issue, verifier } = setup();
    const old = await issue("old");
    await writeFile(join(directory, "issuer.json"), ring.stored ?? "", { mode: 0o600 });
    ring.stored = undefined;
    await issuer.keys.start(directory);
    expect(await verifier().verify(old)).toMatchObject({ memberId: "old" });
    expect(await issuer.keys.all()).toHaveLength(1);
    // Another server had a file of its own. Its key is older or newer; both verify, and one signs for all.
    const other = new LocalIssuer(fakeRing(), now);
    now.advance(1_000);
    const fromOther = await other.issue({ tenantId: TENANT, sub: "other", role: "manager", ttl: 600 });
    await writeFile(join(directory, "issuer.json"), JSON.stringify({ keys: await other.keys.all() }));
    await new LocalIssuer(ring, now).keys.start(directory);
    const tokens = verifier();
    for (const token of [old, fromOther, await issue()]) await tokens.verify(token);
    const kids = (await issuer.keys.all()).map(({ kid }) => kid);
    expect(kids).toHaveLength(2);
    await issuer.keys.start(directory);
    expect((await issuer.keys.all()).map(({ kid }) => kid)).toEqual(kids);
  });

  test("drops a file's key that no token needs any more, although the file is still there", async () => {
    const { now, ring, issuer } = setup();
    await issuer.keys.all();
    await writeFile(join(directory, "issuer.json"), ring.stored ?? "", { mode: 0o600 });
    now.advance(ROTATE_AFTER_MS);
    await issuer.keys.start(directory);
    expect(await issuer.keys.all()).toHaveLength(2);
    now.advance(RETIRE_AFTER_MS);
    await issuer.keys.start(directory);
    expect(await issuer.keys.all()).toHaveLength(1);
  });

  test("makes one new key when several servers find it old at once", async () => {
    const { now, ring, issuer } = setup();
    await issuer.keys.all();
    now.advance(ROTATE_AFTER_MS);
    const rotated = await Promise.all([1, 2, 3].map(() => new LocalIssuer(ring, now).keys.rotateWhenOld()));
    expect(rotated.filter((did) => did)).toHaveLength(1);
    expect(await issuer.keys.all()).toHaveLength(2);
  });

  test("refuses a file that everyone can read", async () => {
    const { issuer } = setup();
    await writeFile(join(directory, "issuer.json"), "{}");
    await chmod(join(directory, "issuer.json"), 0o644);
    await expect(issuer.keys.start(directory)).rejects.toThrow("chmod 600");
  });

  test("refuses a damaged file, and quotes nothing of it", async () => {
    const { issuer, ring } = setup();
    await issuer.keys.all();
    const text = String(ring.stored);
    for (const damaged of [text.slice(0, -20), text.replace('"P-256"', '"P-384"'), '{"keys":[]}']) {
      await writeFile(join(directory, "issuer.json"), damaged, { mode: 0o600 });
      await expect(issuer.keys.start(directory)).rejects.toThrow(
        /is damaged: restore it, or move it away to go on without its keys$/,
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
