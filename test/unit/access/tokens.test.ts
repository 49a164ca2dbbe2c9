import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Issuer } from "../../../src/access/tokens/issuer.ts";
import { fetchKeys, readKeyFile } from "../../../src/access/tokens/key-files.ts";
import { keySource } from "../../../src/access/tokens/key-source.ts";
import { Tokens } from "../../../src/access/tokens/tokens.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { fakeClock } from "../../support/servers/access.ts";

const ISSUER = "https://login.example.com/";
const AUDIENCE = "colloquy";

interface Pair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

async function makePair(kid: string, alg = "ES256"): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

let first: Pair;
let second: Pair;
let rsa: Pair;
beforeAll(async () => {
  [first, second, rsa] = await Promise.all([makePair("first"), makePair("second"), makePair("rsa", "RS256")]);
});

/** An issuer on a socket of its own, whose keys and health a test sets. */
let idp: { server: Server; url: string; keys: JWK[]; reads: number; status: number };
beforeEach(async () => {
  const server = createServer((_, response) => {
    idp.reads++;
    response.writeHead(idp.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: idp.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  idp = { server, url, keys: [first.jwk], reads: 0, status: 200 };
});
afterEach(async () => {
  idp.server.closeAllConnections();
  await new Promise((resolve) => idp.server.close(resolve));
});

function setup(change: Partial<Issuer> = {}) {
  const now = fakeClock();
  const issuer: Issuer = {
    issuer: ISSUER,
    audience: [AUDIENCE],
    algorithms: ["ES256"],
    keys: keySource({ load: () => fetchKeys(idp.url), now }),
    ...change,
  };
  const tokens = new Tokens({ issuers: [issuer], now });
  const seconds = (offset: number) => Math.floor(now() / 1000) + offset;
  /** A good token, but for what the test changes. */
  const sign = (claims: Record<string, unknown> = {}, { by = first, kid }: { by?: Pair; kid?: string } = {}) =>
    new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: "alice", tenant: "default", exp: seconds(600), ...claims })
      .setProtectedHeader({ alg: by.jwk.alg ?? "", kid: kid ?? by.jwk.kid ?? "" })
      .sign(by.privateKey);
  return { now, tokens, sign, seconds, issuer };
}

async function refusalOf(verifying: Promise<unknown>): Promise<DomainError> {
  const error = await verifying.then(
    () => expect.unreachable("the token was accepted"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
}

describe("a token", () => {
  test("says who, where and what", async () => {
    const { tokens, sign, now } = setup();
    expect(await tokens.verify(await sign({ role: "manager" }))).toEqual({
      memberId: "alice",
      tenant: "default",
      role: "manager",
      issuer: ISSUER,
      expiresAt: Math.floor(now() / 1000) * 1000 + 600_000,
      tenants: undefined,
      ticket: false,
      key: undefined,
    });
  });

  test.each<[string, (s: ReturnType<typeof setup>) => Promise<string> | string, string]>([
    ["malformed", () => "not.a.token", "it is not a signed JSON Web Token"],
    ["of five parts", () => "a.b.c.d.e", "it is not a signed JSON Web Token"],
    ["too long", () => "a".repeat(20_000), "it is too long"],
    ["expired", (s) => s.sign({ exp: s.seconds(-31) }), "it has expired"],
    ["without expiry", (s) => s.sign({ exp: undefined }), "it has no expiry"],
    ["not valid yet", (s) => s.sign({ nbf: s.seconds(31) }), "it is not valid yet"],
    ["for another audience", (s) => s.sign({ aud: "someone-else" }), "it is for another audience"],
    ["for no audience", (s) => s.sign({ aud: undefined }), "it is for another audience"],
    [
      "of another issuer",
      (s) => s.sign({ iss: "https://evil.example.com/" }),
      "its issuer is not one of those accepted here",
    ],
    ["of no issuer", (s) => s.sign({ iss: undefined }), "its issuer is not one of those accepted here"],
    ["signed with another algorithm", (s) => s.sign({}, { by: rsa }), "its algorithm is not one that its issuer uses"],
    ["of an unknown key id", (s) => s.sign({}, { kid: "unknown" }), "its key is not one of its issuer's"],
    [
      "signed with another key under a known id",
      (s) => s.sign({}, { by: second, kid: "first" }),
      "its signature does not match",
    ],
    [
      "without a subject",
      (s) => s.sign({ sub: undefined }),
      "its subject is not a text of 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    ],
    [
      "with an endless subject",
      (s) => s.sign({ sub: "x".repeat(129) }),
      "its subject is not a text of 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    ],
    [
      "with a NUL in its subject",
      (s) => s.sign({ sub: "a\0b" }),
      "its subject is not a text of 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    ],
    [
      "that calls itself an API key",
      (s) => s.sign({ sub: "key:1" }),
      "its subject is not a text of 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    ],
    [
      "that calls itself an agent",
      (s) => s.sign({ sub: "agent:1" }),
      "its subject is not a text of 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    ],
    ["whose tenant is a number", (s) => s.sign({ tenant: 7 }), "its tenant is not a text of 1 to 128 characters"],
  ])("%s is refused, and the refusal quotes nothing of it", async (_, make, why) => {
    const state = setup();
    const token = await make(state);
    const error = await refusalOf(state.tokens.verify(token));
    expect(error.reason).toBe(ErrorReason.CREDENTIAL_INVALID);
    expect(error.message).toBe(`the token is refused: ${why}`);
    expect(state.tokens.remembered(token)).toBeUndefined();
  });

  test("that is not signed at all is refused", async () => {
    const { tokens, now } = setup();
    const token = new UnsecuredJWT({ sub: "alice" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime(new Date(now() + 60_000))
      .encode();
    expect((await refusalOf(tokens.verify(token))).reason).toBe(ErrorReason.CREDENTIAL_INVALID);
  });

  test("signed with the public key as a shared secret is refused", async () => {
    const { tokens, seconds } = setup();
    const token = await new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: "alice", exp: seconds(60) })
      .setProtectedHeader({ alg: "HS256", kid: "first" })
      .sign(new TextEncoder().encode(await exportSPKI(first.publicKey)));
    expect((await refusalOf(tokens.verify(token))).message).toContain("algorithm");
  });

  test("may be up to 30 s past its expiry or before its beginning", async () => {
    const { tokens, sign, seconds } = setup();
    await tokens.verify(await sign({ exp: seconds(-29) }));
    await tokens.verify(await sign({ nbf: seconds(30) }));
  });

  test("without a tenant or a role is good, and names none", async () => {
    const { tokens, sign } = setup();
    expect(await tokens.verify(await sign({ tenant: undefined }))).toMatchObject({
      tenant: undefined,
      role: undefined,
    });
  });

  test("is remembered until it expires, and then refused", async () => {
    const { tokens, sign, now } = setup();
    const token = await sign();
    expect(tokens.remembered(token)).toBeUndefined();
    const verified = await tokens.verify(token);
    now.advance(629_000);
    expect(tokens.remembered(token)).toEqual(verified);
    now.advance(1_000);
    expect(tokens.remembered(token)).toBeUndefined();
    expect((await refusalOf(tokens.verify(token))).message).toContain("expired");
  });
});

describe("claims", () => {
  test.each<[string, Partial<Issuer>, Record<string, unknown>, Record<string, unknown>]>([
    ["under a path", { claims: { tenant: "app.org" } }, { app: { org: "acme" } }, { tenant: "acme" }],
    [
      "under a name with dots",
      { claims: { tenant: "https://x.example/tenant" } },
      { "https://x.example/tenant": "acme" },
      { tenant: "acme" },
    ],
    ["under another name", { claims: { sub: "email" } }, { email: "a@x.example" }, { memberId: "a@x.example" }],
    [
      "as a list of roles, of which the highest counts",
      {},
      { role: ["lead", "admin", "member", "nonsense"] },
      { role: "admin" },
    ],
    ["in the issuer's words", { roles: { boss: "manager" } }, { role: "boss" }, { role: "manager" }],
    ["in words that the issuer does not have", { roles: { boss: "manager" } }, { role: "admin" }, { role: undefined }],
    ["that name what every object has", { claims: { role: "constructor.name" } }, {}, { role: undefined }],
    ["that are no role", {}, { role: "toString" }, { role: undefined }],
  ])("%s are read", async (_, change, claims, expected) => {
    const { tokens, sign } = setup(change);
    expect(await tokens.verify(await sign(claims))).toMatchObject(expected);
  });

  test("of an issuer that is held to tenants make no super administrator", async () => {
    const { tokens, sign } = setup({ tenants: ["default"] });
    expect(await tokens.verify(await sign({ role: "admin" }))).toMatchObject({ role: "admin", tenants: ["default"] });
    expect((await refusalOf(tokens.verify(await sign({ role: "super_admin" })))).reason).toBe(
      ErrorReason.CREDENTIAL_INVALID,
    );
  });
});

describe("an issuer's keys", () => {
  test("are read once for many tokens at once", async () => {
    const { tokens, sign } = setup();
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => sign({ sub: `m${i}` })));
    await Promise.all(many.map((token) => tokens.verify(token)));
    expect(idp.reads).toBe(1);
  });

  test("serve on while the issuer is down", async () => {
    const { tokens, sign, now } = setup();
    await tokens.verify(await sign());
    idp.status = 503;
    now.advance(24 * 60 * 60 * 1000);
    expect(await tokens.verify(await sign({ sub: "bob" }))).toMatchObject({ memberId: "bob" });
    idp.server.closeAllConnections();
    await new Promise((resolve) => idp.server.close(resolve));
    now.advance(24 * 60 * 60 * 1000);
    expect(await tokens.verify(await sign({ sub: "carol" }))).toMatchObject({ memberId: "carol" });
  });

  test("that were never read make the call retryable, and are tried again after a while", async () => {
    const { tokens, sign, now } = setup();
    idp.status = 503;
    const error = await refusalOf(tokens.verify(await sign()));
    expect([error.reason, error.details.retryAfterMs]).toEqual([ErrorReason.ISSUER_UNAVAILABLE, 5_000]);
    idp.status = 200;
    for (let i = 0; i < 10; i++) await refusalOf(tokens.verify(await sign()));
    expect(idp.reads).toBe(1);
    now.advance(5_000);
    await tokens.verify(await sign());
    expect(idp.reads).toBe(2);
  });

  test("are read again for a new key id, but not for each of a flood", async () => {
    const { tokens, sign, now } = setup();
    await tokens.verify(await sign());
    idp.keys = [first.jwk, second.jwk];
    await refusalOf(tokens.verify(await sign({}, { by: second })));
    expect(idp.reads).toBe(1);
    now.advance(30_000);
    await tokens.verify(await sign({}, { by: second }));
    expect(idp.reads).toBe(2);
    for (let i = 0; i < 50; i++) await refusalOf(tokens.verify(await sign({}, { kid: `made-up-${i}` })));
    expect(idp.reads).toBe(2);
  });

  test("that are taken back stop verifying new tokens within the age of the set", async () => {
    const { tokens, sign, now } = setup();
    await tokens.verify(await sign());
    idp.keys = [second.jwk];
    now.advance(600_000);
    await tokens.verify(await sign({ sub: "one-more" }));
    await expect.poll(() => idp.reads).toBe(2);
    await expect
      .poll(async () => (await tokens.verify(await sign({ sub: crypto.randomUUID() })).catch((e) => e)).reason)
      .toBe(ErrorReason.CREDENTIAL_INVALID);
  });

  test("that are shared secrets are left out", async () => {
    idp.keys = [{ kty: "oct", k: "c2VjcmV0", kid: "shared" }, first.jwk];
    expect(await fetchKeys(idp.url)).toEqual({ keys: [first.jwk] });
  });

  test("are not followed elsewhere", async () => {
    const elsewhere = createServer((_, response) => response.writeHead(302, { location: idp.url }).end());
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const { port } = elsewhere.address() as AddressInfo;
    await expect(fetchKeys(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
    expect(idp.reads).toBe(0);
  });
});

describe("a key file", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "colloquy-keys-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function file(text: string): Promise<string> {
    const path = join(directory, "keys");
    await writeFile(path, text);
    return path;
  }

  test.each<[string, () => Promise<string>]>([
    ["a JWK", async () => JSON.stringify(first.jwk)],
    ["a JWK set", async () => JSON.stringify({ keys: [second.jwk, first.jwk] })],
    ["PEM, whatever key id the token names", () => exportSPKI(first.publicKey)],
  ])("may be %s", async (_, text) => {
    const path = await file(await text());
    const { tokens, sign } = setup({ keys: keySource({ load: () => readKeyFile(path) }) });
    expect(await tokens.verify(await sign())).toMatchObject({ memberId: "alice" });
  });

  test.each<[string, () => Promise<string>]>([
    ["private JWK", async () => JSON.stringify(await exportJWK(first.privateKey))],
    ["shared JWK", async () => JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] })],
    ["private PEM", async () => "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----"],
    ["something else", async () => '{"hello":1}'],
  ])("with a %s stops the start", async (_, text) => {
    await expect(readKeyFile(await file(await text()))).rejects.toThrow();
  });
});

test.each<[string, Partial<Issuer>]>([
  ["a shared-secret algorithm", { algorithms: ["HS256"] }],
  ["no signature", { algorithms: ["none"] }],
  ["no algorithm", { algorithms: [] }],
  ["no audience", { audience: [] }],
])("an issuer with %s is refused at start", (_, change) => {
  expect(() => setup(change)).toThrow(ISSUER);
});

test("two issuers of one name are refused at start", () => {
  const { issuer } = setup();
  expect(() => new Tokens({ issuers: [issuer, issuer] })).toThrow("same name");
});
