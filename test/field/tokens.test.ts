// Tokens as identity providers really make them, against the settings that their pages lead to.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openIssuers } from "../../src/access/tokens/issuers.ts";
import { Tokens } from "../../src/access/tokens/tokens.ts";
import { loadConfig } from "../../src/config/config.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { fakeClock } from "../support/servers/access.ts";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
interface Signing {
  readonly key: Pair["privateKey"];
  readonly header: { readonly alg: string; readonly kid?: string; readonly typ?: string };
}

const ISSUER = "https://login.example.com/";
/** All clocks of these tests stand here. */
const NOW = Date.parse("2026-01-02T03:04:05Z");
const directory = mkdtempSync(join(tmpdir(), "colloquy-tokens-"));
let rsa: Pair[];
let ec: Pair;
let keys: Server;
let published: unknown;
let reads = 0;
let url: string;

beforeAll(async () => {
  const options = { extractable: true };
  [rsa, ec] = [
    await Promise.all([1, 2, 3].map(() => generateKeyPair("RS256", options))),
    await generateKeyPair("ES256", options),
  ];
  keys = createServer((_, response) => {
    reads++;
    response.end(JSON.stringify(published));
  });
  await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks.json`;
});
afterAll(() => {
  keys.close();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  published = { keys: [{ ...(await jwk(0)), kid: "one", use: "sig" }] };
});

const jwk = async (index: number): Promise<JWK> => exportJWK((rsa[index] as Pair).publicKey);
const by = (index: number, header: object = {}): Signing => ({
  key: (rsa[index] as Pair).privateKey,
  header: { alg: "RS256", ...header },
});

async function open(settings: object = {}, now = fakeClock(NOW)): Promise<Tokens> {
  const source = "key_file" in settings ? {} : { jwks_url: url };
  const issuer = { issuer: ISSUER, audience: "colloquy", algorithms: ["RS256"], ...source, ...settings };
  const { issuers } = loadConfig({ COLLOQUY_ISSUERS: JSON.stringify([issuer]) });
  return new Tokens({ issuers: await openIssuers(issuers, now), now });
}

function sign(claims: Record<string, unknown>, { key, header }: Signing): Promise<string> {
  const exp = Math.floor(NOW / 1000) + 600;
  const all = { iss: ISSUER, aud: "colloquy", sub: "ann", exp, ...claims };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(kept).setProtectedHeader(header).sign(key);
}

const outcome = (verifying: Promise<unknown>) =>
  verifying.then(
    () => "ok",
    (error: unknown) => (error instanceof DomainError ? error.message : String(error)),
  );

describe("F-TOKENS: keys", () => {
  test("without a key id, all published keys of the algorithm are tried, and a forgery matches none", async () => {
    published = {
      keys: [
        { ...(await jwk(0)), kid: "one" },
        { ...(await jwk(1)), kid: "two" },
        { ...(await exportJWK(ec.publicKey)), kid: "ec" },
      ],
    };
    const tokens = await open();
    for (const index of [0, 1]) expect(await outcome(tokens.verify(await sign({}, by(index))))).toBe("ok");
    expect(await outcome(tokens.verify(await sign({}, by(2))))).toContain("its signature does not match");
    expect(await outcome(tokens.verify(await sign({ exp: 1 }, by(1))))).toContain("it has expired");
    expect(await outcome(tokens.verify(await sign({ aud: "else" }, by(1))))).toContain("it is for another audience");
  });

  test("so many keys are tried, and no more", async () => {
    const { publicKey } = rsa[0] as Pair;
    const one = await exportJWK(publicKey);
    published = { keys: [...Array.from({ length: 8 }, () => one), await jwk(1)] };
    expect(await outcome((await open()).verify(await sign({}, by(0))))).toBe("ok");
    expect(await outcome((await open()).verify(await sign({}, by(1))))).toContain("its signature does not match");
  });

  test("keys without an id serve tokens with one, beside keys that have one", async () => {
    published = { keys: [await jwk(0), { ...(await jwk(1)), kid: "two" }] };
    const tokens = await open();
    expect(await outcome(tokens.verify(await sign({}, by(0, { kid: "whatever" }))))).toBe("ok");
    expect(await outcome(tokens.verify(await sign({}, by(1, { kid: "two" }))))).toBe("ok");
    expect(await outcome(tokens.verify(await sign({}, by(0, { kid: "two" }))))).toContain(
      "its signature does not match",
    );
  });

  test("a set may hold what is unknown, for encryption, damaged or secret, and keys without `alg` or `use`", async () => {
    const strange = [
      { kty: "AKP", alg: "ML-DSA-44", pub: "AA", kid: "pq" },
      { kty: "XYZ", kid: "x" },
      {},
      null,
      "text",
      7,
    ];
    const encryption = { ...(await jwk(1)), kid: "one", use: "enc", alg: "RSA-OAEP" };
    const secret = { kty: "oct", k: "c2VjcmV0", kid: "one" };
    published = { keys: [...strange, encryption, secret, { ...(await jwk(0)), kid: "one" }] };
    expect(await outcome((await open()).verify(await sign({}, by(0, { kid: "one" }))))).toBe("ok");
  });

  test("rotated keys are fetched for an unknown id, and for a signature without one, once a cooldown", async () => {
    const now = fakeClock(NOW);
    const tokens = await open({}, now);
    expect(await outcome(tokens.verify(await sign({}, by(0))))).toBe("ok");
    published = { keys: [{ ...(await jwk(1)), kid: "two" }] };
    const before = reads;
    expect(await outcome(tokens.verify(await sign({}, by(1))))).toContain("its signature does not match");
    now.advance(31_000);
    expect(await outcome(tokens.verify(await sign({}, by(1))))).toBe("ok");
    for (let i = 0; i < 20; i++) await outcome(tokens.verify(await sign({ i }, by(2))));
    expect(reads).toBe(before + 1);
    published = { keys: [{ ...(await jwk(2)), kid: "three" }] };
    now.advance(31_000);
    expect(await outcome(tokens.verify(await sign({}, by(2, { kid: "three" }))))).toBe("ok");
  });

  test("a key may change and keep its id: the old one is refused from then on", async () => {
    const now = fakeClock(NOW);
    const tokens = await open({}, now);
    expect(await outcome(tokens.verify(await sign({}, by(0, { kid: "one" }))))).toBe("ok");
    published = { keys: [{ ...(await jwk(1)), kid: "one" }] };
    now.advance(31_000);
    expect(await outcome(tokens.verify(await sign({ n: 1 }, by(1, { kid: "one" }))))).toBe("ok");
    expect(await outcome(tokens.verify(await sign({ n: 2 }, by(0, { kid: "one" }))))).toContain(
      "its signature does not match",
    );
  });

  test("an issuer that is down while a new key comes serves on with the old ones", async () => {
    const now = fakeClock(NOW);
    const tokens = await open({}, now);
    expect(await outcome(tokens.verify(await sign({}, by(0, { kid: "one" }))))).toBe("ok");
    published = "nothing";
    now.advance(31_000);
    expect(await outcome(tokens.verify(await sign({}, by(1, { kid: "two" }))))).toContain("its key is not one");
    expect(await outcome(tokens.verify(await sign({ n: 1 }, by(0, { kid: "one" }))))).toBe("ok");
  });

  test("a file may hold several keys in PEM, and Firebase's certificates by their ids are read", async () => {
    const file = join(directory, "keys.pem");
    const pem = await Promise.all([0, 1].map((index) => exportSPKI((rsa[index] as Pair).publicKey)));
    writeFileSync(file, `# old\n${pem[0]}\n# new\n${pem[1]}`);
    const tokens = await open({ key_file: file });
    for (const index of [0, 1])
      expect(await outcome(tokens.verify(await sign({}, by(index, { kid: "any" }))))).toBe("ok");

    const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=securetoken"];
    execFileSync("openssl", [...words, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
    published = { a1b2: readFileSync(certFile, "utf8") };
    const { importPKCS8 } = await import("jose");
    const key = await importPKCS8(readFileSync(keyFile, "utf8"), "RS256");
    const signing = { key, header: { alg: "RS256", kid: "a1b2" } };
    expect(await outcome((await open()).verify(await sign({}, signing)))).toBe("ok");
  });
});

describe("F-TOKENS: what providers put into a token", () => {
  // The settings, the claims, and who that is.
  const cases: [string, object, Record<string, unknown>, object][] = [
    ["several audiences are configured", { audience: ["web", "colloquy"] }, {}, { memberId: "ann" }],
    [
      "several audiences are in the token",
      {},
      { aud: ["https://example.auth0.com/userinfo", "colloquy"] },
      { memberId: "ann" },
    ],
    ["several of both", { audience: ["a", "b"] }, { aud: ["b", "c"] }, { memberId: "ann" }],
    [
      "Auth0: names that are URLs",
      { claims: { tenant: "https://example.com/tenant", role: "https://example.com/roles" } },
      {
        "https://example.com/tenant": "acme",
        "https://example.com/roles": ["user", "manager"],
        sub: "auth0|123",
        azp: "x",
        scope: "openid",
      },
      { memberId: "auth0|123", tenant: "acme", role: "manager" },
    ],
    [
      "Hasura: objects under names that are URLs",
      {
        claims: {
          sub: "https://hasura.io/jwt/claims.x-hasura-user-id",
          role: "https://hasura.io/jwt/claims.x-hasura-role",
        },
      },
      { "https://hasura.io/jwt/claims": { "x-hasura-user-id": "7", "x-hasura-role": "admin" } },
      { memberId: "7", role: "admin" },
    ],
    [
      "Keycloak: the client in azp, roles by a client whose name has dots",
      { audience: "my.app", claims: { aud: "azp", role: "resource_access.my.app.roles" } },
      { aud: "account", azp: "my.app", resource_access: { "my.app": { roles: ["offline_access", "manager"] } } },
      { role: "manager" },
    ],
    [
      "Entra: the older issuer, roles as a list",
      { claims: { sub: "oid", tenant: "tid", role: "roles" }, roles: { "Chat.Admin": "admin" } },
      { iss: ISSUER, oid: "00000000-0000-0000-0000-000000000001", tid: "acme", roles: ["Chat.Admin"], ver: "1.0" },
      { memberId: "00000000-0000-0000-0000-000000000001", tenant: "acme", role: "admin" },
    ],
    [
      "Cognito: access tokens without aud",
      { audience: "1example23456789", claims: { aud: "client_id", role: "cognito:groups" } },
      {
        aud: undefined,
        client_id: "1example23456789",
        token_use: "access",
        "cognito:groups": ["admin"],
        scope: "openid",
      },
      { role: "admin" },
    ],
    [
      "Firebase: tenants within an object",
      { claims: { tenant: "firebase.tenant" } },
      { firebase: { tenant: "acme", sign_in_provider: "password" }, user_id: "ann" },
      { tenant: "acme" },
    ],
    [
      "Clerk: an organization within an object, the page in azp",
      { audience: "https://app.example.com", claims: { aud: "azp", tenant: "o.slg", role: "o.rol" } },
      {
        aud: undefined,
        azp: "https://app.example.com",
        o: { id: "org_1", slg: "acme", rol: "admin" },
        sid: "sess_1",
        v: 2,
      },
      { tenant: "acme", role: "admin" },
    ],
    [
      "Supabase: the audience `authenticated`",
      { audience: "authenticated", claims: { tenant: "app_metadata.tenant", role: "app_metadata.role" } },
      { aud: "authenticated", role: "authenticated", app_metadata: { tenant: "acme", role: "lead" } },
      { tenant: "acme", role: "lead" },
    ],
    [
      "Zitadel: an object with a key for each role",
      { claims: { role: "urn:zitadel:iam:org:project:roles" } },
      { "urn:zitadel:iam:org:project:roles": { manager: { "1": "acme.example.com" } } },
      { role: "manager" },
    ],
    ["users by number", { claims: { sub: "user_id" } }, { user_id: 4711 }, { memberId: "4711" }],
    ["one organization in a list", { claims: { tenant: "orgs" } }, { orgs: ["acme"] }, { tenant: "acme" }],
    [
      "times with fractions",
      {},
      { iat: NOW / 1000, exp: NOW / 1000 + 60.5, nbf: NOW / 1000 - 0.5 },
      { memberId: "ann" },
    ],
    [
      "clocks that differ by 25 s",
      {},
      { iat: NOW / 1000 + 25, nbf: NOW / 1000 + 25, exp: NOW / 1000 - 25 },
      { memberId: "ann" },
    ],
    ["an issuer without the slash at its end", {}, { iss: ISSUER.slice(0, -1) }, { memberId: "ann" }],
    ["an issuer with a slash that the settings lack", { issuer: ISSUER.slice(0, -1) }, {}, { memberId: "ann" }],
  ];
  test.each(cases)("%s", async (_, settings, claims, expected) => {
    const tokens = await open(settings);
    for (const typ of [undefined, "JWT", "at+jwt", "application/at+jwt"]) {
      const header = { kid: "one", ...(typ && { typ }) };
      expect(await tokens.verify(await sign(claims, by(0, header)))).toMatchObject(expected);
    }
  });

  test.each([
    ["no audience at all", {}, { aud: undefined, client_id: "colloquy", azp: "colloquy" }, "another audience"],
    ["an audience that is part of another", {}, { aud: "colloquy-2" }, "another audience"],
    ["an object for an audience", {}, { aud: { colloquy: true } }, "another audience"],
    ["another audience in the claim that counts", { claims: { aud: "azp" } }, { azp: "else" }, "another audience"],
    ["an issuer with two slashes", {}, { iss: `${ISSUER}/` }, "its issuer is not one"],
    ["an issuer in other letters", {}, { iss: ISSUER.toUpperCase() }, "its issuer is not one"],
    ["an expiry that is a text", {}, { exp: "4102444800" }, "it has no expiry"],
    [
      "two organizations in a list",
      { claims: { tenant: "orgs" } },
      { orgs: ["acme", "other"] },
      "its tenant is not a text",
    ],
    ["a user with a fraction", {}, { sub: 1.5 }, "its subject"],
  ] as [string, object, Record<string, unknown>, string][])("%s is refused", async (_, settings, claims, why) => {
    expect(await outcome((await open(settings)).verify(await sign(claims, by(0))))).toContain(why);
  });

  test.each([[[]], [""], [7], [[""]], [["a", 7]]])("the setting audience %j stops the start", (audience) => {
    const issuer = { issuer: ISSUER, audience, algorithms: ["RS256"], jwks_url: url };
    expect(() => loadConfig({ COLLOQUY_ISSUERS: JSON.stringify([issuer]) })).toThrow(/COLLOQUY_ISSUERS\[0\]\.audience/);
  });
});
