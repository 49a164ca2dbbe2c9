// Bad credentials harm nobody but who sends them: what verifies is let in, whatever else comes from its address.
import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { BoundedCache } from "../../src/access/bounded-cache.ts";
import { Directory } from "../../src/access/directory.ts";
import { makeApiKey } from "../../src/access/keys/api-key.ts";
import { CheckBudget } from "../../src/access/limits/check-budget.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { failureOf, reasonOf } from "../support/errors.ts";
import { fakeKeys, fakeMembers } from "../support/servers/access.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
let count = 0;

/** A token that nobody trusted has signed, each another one. */
async function forged(): Promise<Credential> {
  const token = new SignJWT({ tenant: "default", n: count++ }).setProtectedHeader({ alg: "ES256" });
  const claims = token.setIssuer("colloquy").setAudience("colloquy").setSubject("ann").setExpirationTime("1h");
  return bearer(await claims.sign(privateKey));
}

function unknownKey(tenantId: string): Credential {
  return bearer(makeApiKey(tenantId, newId()).text);
}

describe.each(["", "127.0.0.0/8"])("A3, F-LOCKOUT: with COLLOQUY_TRUSTED_PROXIES=%s", (trusted) => {
  let server: IdentityServer;
  beforeAll(async () => {
    const environment = { COLLOQUY_RATE_LIMITS: "failures=100/60", COLLOQUY_TRUSTED_PROXIES: trusted };
    server = await startIdentityServer({ environment });
  });
  afterAll(() => server.close());

  const list = (credential: Credential, wire: (typeof WIRES)[number] = "connect") =>
    server.client(ConversationService, credential, wire).listConversations({});
  const rest = async (credential: Credential, from = "203.0.113.1") => {
    const headers = { ...credential, "x-forwarded-for": from };
    const { status } = await fetch(`${server.url}/v1/conversations`, { headers });
    return status;
  };
  const exchange = async (key: { id: string; text: string }) => {
    const form = { grant_type: "client_credentials", client_id: key.id, client_secret: key.text };
    return (await fetch(`${server.url}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) })).status;
  };

  test("A3: after 105 bad tokens and 105 unknown keys, keys and tokens never seen before still pass on every wire", async () => {
    const tenant = await server.tenant();
    const statuses: number[] = [];
    for (let i = 0; i < 105; i++) statuses.push(await rest(await forged()), await rest(unknownKey(tenant.id)));
    expect(statuses.filter((status) => status === 401)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(110);
    for (const wire of WIRES) {
      expect([wire, await reasonOf(list((await tenant.key("read")).credential, wire))]).toEqual([wire, undefined]);
      expect([wire, await reasonOf(list(await tenant.token(`ann-${wire}`), wire))]).toEqual([wire, undefined]);
    }
    expect(await rest(await tenant.token("bob"))).toBe(200);
    expect(await exchange(await tenant.key("read"))).toBe(200);
  });

  test("A3: a flood of 250 bad tokens delays what verifies, and refuses none of it", async () => {
    const tenant = await server.tenant();
    const floods = await Promise.all(Array.from({ length: 100 }, forged));
    for (const bad of floods) await rest(bad, "203.0.113.9");
    const more = await Promise.all(Array.from({ length: 150 }, forged));
    const flood = Promise.all(more.map((bad) => rest(bad, "203.0.113.9")));
    const good = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => rest(await tenant.token(`member-${i}`), "203.0.113.9")),
    );
    expect(new Set(good)).toEqual(new Set([200]));
    expect(new Set(await flood)).toEqual(new Set([429]));
  });

  test("F-LOCKOUT: 110 expired tokens, and a key that was revoked or ended, count against nobody and are told so", async () => {
    const tenant = await server.tenant();
    const past = Math.floor(Date.now() / 1000) - 3_600;
    const [key] = await server.issuer.keys.all();
    const { importJWK } = await import("jose");
    const signer = await importJWK(key as Parameters<typeof importJWK>[0], "ES256");
    const expired = await Promise.all(
      Array.from({ length: 110 }, async (_, i) => {
        const token = new SignJWT({ tenant: tenant.id }).setProtectedHeader({ alg: "ES256", kid: key?.kid ?? "" });
        const claims = token.setIssuer("colloquy").setAudience("colloquy").setSubject(`m-${i}`).setExpirationTime(past);
        return bearer(await claims.sign(signer));
      }),
    );
    const before = await rest(await forged(), "198.51.100.7");
    for (const credential of expired) expect(await rest(credential, "198.51.100.7")).toBe(401);
    for (let i = 0; i < 110; i++) expect(await rest(expired[0] as Credential, "198.51.100.7")).toBe(401);
    const revoked = await tenant.key("read");
    await server.database.query(
      { name: "t_revoke", text: "update api_key set revoke_time = now() where tenant_id = $1 and id = $2" },
      [tenant.id, revoked.id],
    );
    for (let i = 0; i < 110; i++) expect(await rest(revoked.credential, "198.51.100.7")).toBe(401);
    expect(await rest(await forged(), "198.51.100.7")).toBe(before);
    expect((await failureOf(list(expired[3] as Credential, "grpc"))).message).toContain("it has expired");
  });

  test("F-LOCKOUT: one client that repeats one bad credential leaves its address alone", async () => {
    const bad = await forged();
    const statuses: number[] = [];
    for (let i = 0; i < 150; i++) statuses.push(await rest(bad, "192.0.2.200"));
    expect(statuses.at(-1)).toBe(429);
    // Without trusted proxies the address is that of all the tests before.
    expect(await rest(await forged(), "192.0.2.200")).toBe(trusted === "" ? 429 : 401);
  });

  test("A3: addresses are counted apart only where a trusted proxy names them", async () => {
    for (let i = 0; i < 101; i++) await rest(await forged(), "203.0.113.50");
    expect(await rest(await forged(), "203.0.113.50")).toBe(429);
    expect(await rest(await forged(), "203.0.113.51")).toBe(trusted === "" ? 429 : 401);
  });
});

describe("A3: what checking costs", () => {
  test("few checks run at a time, in turn for each network; too many of one wait for nobody", async () => {
    const budget = new CheckBudget();
    const order: string[] = [];
    let running = 0;
    let most = 0;
    const check = (name: string) => async () => {
      order.push(name);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return name;
    };
    const all = [
      ...Array.from({ length: 40 }, (_, i) => budget.run("loud", check(`loud-${i}`))),
      ...Array.from({ length: 3 }, (_, i) => budget.run("quiet", check(`quiet-${i}`))),
    ];
    await Promise.all(all);
    expect(most).toBe(4);
    expect(order).toHaveLength(43);
    expect(order.indexOf("quiet-2")).toBeLessThan(15);

    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = Array.from({ length: 1_068 }, () =>
      budget
        .run("loud", () => promise)
        .then(
          () => "ok",
          () => "refused",
        ),
    );
    await expect(budget.run("loud", check("late"))).rejects.toThrow("too many credentials");
    const other = budget.run("other", check("other"));
    resolve();
    expect((await Promise.all(slow)).filter((answer) => answer === "refused")).toHaveLength(40);
    await expect(other).resolves.toBe("other");
  });
});

test("A17: names that no tenant can have are not looked for, and keys of a cache are bounded by their length", async () => {
  const asked: string[] = [];
  const tenants = { resolve: async (name: string) => void asked.push(name) };
  const directory = new Directory({ keys: fakeKeys(), members: fakeMembers(), tenants, max: 100 });
  for (let i = 0; i < 1_000; i++) expect(await directory.tenant(`${i}`.padEnd(15_000, "x"))).toBeUndefined();
  expect(asked).toEqual([]);
  for (let i = 0; i < 1_000; i++) expect(await directory.tenant(`t-${i}`)).toBeUndefined();
  expect(asked).toHaveLength(1_000);
  const cache = new BoundedCache<number>(100);
  for (let i = 0; i < 100; i++) cache.set(`${i}`.padEnd(10_000, "x"), i, Number.POSITIVE_INFINITY);
  expect(cache.size).toBe(2);
  for (let i = 0; i < 200; i++) cache.set(`${i}`, i, Number.POSITIVE_INFINITY);
  expect(cache.size).toBe(100);
});
