import { describe, expect, test } from "vitest";
import { Authenticator, type Work } from "../../../src/access/authenticate.ts";
import { challenge } from "../../../src/access/credential.ts";
import { Directory } from "../../../src/access/directory.ts";
import { KeyUses } from "../../../src/access/keys/key-uses.ts";
import { LocalIssuer } from "../../../src/access/tokens/local-issuer.ts";
import { Tokens } from "../../../src/access/tokens/tokens.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import type { Role, Scope } from "../../../src/domain/identity/principal.ts";
import {
  fakeClock,
  fakeKeys,
  fakeMembers,
  fakeRing,
  fakeTenants,
  OTHER_TENANT,
  reasonName,
  requestWith,
  TENANT,
} from "../../support/servers/access.ts";

function setup({ tenants: allowed }: { tenants?: string[] } = {}) {
  const now = fakeClock();
  const keys = fakeKeys();
  const members = fakeMembers();
  const directory = new Directory({ keys, members, tenants: fakeTenants(), now });
  const uses = new KeyUses({ store: keys, now });
  const local = new LocalIssuer(fakeRing(), now);
  const tokens = new Tokens({ issuers: [{ ...local.issuer(), tenants: allowed }], now });
  const authenticator = new Authenticator({ tokens, directory, uses, now });
  const known = (headers: Record<string, string>) => authenticator.known(requestWith(headers));
  const call = async (headers: Record<string, string>, work?: Work) => {
    const before = known(headers);
    const principal = await authenticator.authenticate(requestWith(headers), work).catch((error) => {
      expect(before).toBeUndefined();
      throw error;
    });
    // What is known is never something else.
    if (before !== undefined) expect(before).toEqual(principal);
    return principal;
  };
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
  const token = (sub = "alice", role?: Role, tenantId: string | undefined = TENANT) =>
    local.issue({ sub, role, tenantId, ttl: 600 });
  return { now, keys, members, directory, uses, local, call, known, bearer, token };
}

async function refusalOf(calling: Promise<unknown>): Promise<[string, string]> {
  const error = await calling.then(
    (answer) => expect.unreachable(`admitted ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  const { reason, message } = error as DomainError;
  return [reasonName(reason), message];
}

describe("a request", () => {
  test("without a credential is anonymous", async () => {
    expect(await setup().call({})).toEqual({ kind: "anonymous" });
  });

  test.each(["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer a, Bearer b", "token", "Bearer ünïcode"])(
    "with the Authorization %j is refused",
    async (authorization) => {
      expect((await refusalOf(setup().call({ authorization })))[0]).toBe("CREDENTIAL_INVALID");
    },
  );

  test("with two different credentials is refused, with the same twice it is not", async () => {
    const { call, keys, bearer } = setup();
    const [one, two] = [keys.add(["read"]), keys.add(["read"])];
    expect(await refusalOf(call({ ...bearer(one.text), "x-api-key": two.text }))).toEqual([
      "CREDENTIAL_INVALID",
      "Authorization and X-API-Key hold different credentials: send one",
    ]);
    expect(await call({ ...bearer(one.text), "x-api-key": one.text })).toMatchObject({ keyId: one.keyId });
  });

  test("with an Authorization that cannot be read is refused, whatever else is right", async () => {
    const { call, keys } = setup();
    const { text } = keys.add(["read"]);
    for (const authorization of ["", "Basic YTpi", `Bearer ${text}, Bearer ${text}`]) {
      expect((await refusalOf(call({ authorization, "x-api-key": text })))[0]).toBe("CREDENTIAL_INVALID");
    }
  });

  test("with a token as X-API-Key is refused", async () => {
    const { call, token } = setup();
    expect((await refusalOf(call({ "x-api-key": await token() })))[0]).toBe("CREDENTIAL_INVALID");
  });
});

describe("what is known at once", () => {
  test("is a member that called with the same token before", async () => {
    const { call, known, bearer, token } = setup();
    const headers = bearer(await token("alice", "lead"));
    expect(known(headers)).toBeUndefined();
    await call(headers);
    expect(known(headers)).toEqual({ kind: "member", tenantId: TENANT, memberId: "alice", role: "lead" });
  });

  test("is forgotten with the token, and with what the directory knows", async () => {
    const { now, call, known, bearer, token, directory } = setup();
    const headers = bearer(await token());
    await call(headers);
    directory.forgetMember(TENANT, "alice");
    expect(known(headers)).toBeUndefined();
    await call(headers);
    expect(known(headers)).toBeDefined();
    now.advance(700_000);
    expect(known(headers)).toBeUndefined();
  });

  test("is nothing for requests that say more than a token", async () => {
    const { call, known, bearer, token, keys } = setup();
    const headers = bearer(await token());
    await call(headers);
    expect(known({ ...headers, "x-tenant": TENANT })).toBeUndefined();
    expect(known({ ...headers, "x-act-for": "alice" })).toBeUndefined();
    expect(known({ ...headers, "x-api-key": keys.add(["read"]).text })).toBeUndefined();
    expect(known({})).toBeUndefined();
    expect(known({ authorization: "Bearer" })).toBeUndefined();
  });
});

describe("an API key", () => {
  test("is a principal with its scopes, by either header and in any case of the scheme", async () => {
    const { call, keys } = setup();
    const { text, keyId } = keys.add(["read", "admin"]);
    const principal = { kind: "key", tenantId: TENANT, keyId, scopes: new Set(["read", "admin"]), memberId: undefined };
    expect(await call({ "x-api-key": text })).toEqual(principal);
    expect(await call({ authorization: `bearer ${text}` })).toEqual(principal);
    expect(await call({ authorization: `BEARER  ${text}` })).toEqual(principal);
  });

  test.each<[string, (s: ReturnType<typeof setup>) => string, string]>([
    ["damaged", (s) => `${s.keys.add(["read"]).text}x`, "it is damaged"],
    [
      "unknown",
      (s) => {
        const { text, keyId } = s.keys.add(["read"]);
        s.keys.records.delete(keyId);
        return text;
      },
      "it is unknown",
    ],
    [
      "of another secret",
      (s) => {
        const { text, keyId } = s.keys.add(["read"]);
        s.keys.add(["read"], { keyId });
        return text;
      },
      "it is unknown",
    ],
    ["revoked", (s) => s.keys.add(["read"], { revokedAt: s.now() }).text, "it was revoked"],
    ["expired", (s) => s.keys.add(["read"], { expiresAt: s.now() }).text, "it has expired"],
  ])("that is %s is refused, and the refusal quotes nothing of it", async (_, make, why) => {
    const state = setup();
    const text = make(state);
    expect(await refusalOf(state.call({ "x-api-key": text }))).toEqual([
      "CREDENTIAL_INVALID",
      `the API key is refused: ${why}`,
    ]);
  });

  test("that was revoked elsewhere is refused within 30 s without a hint, and at once where it was revoked", async () => {
    const { call, keys, now, directory } = setup();
    const { text, keyId } = keys.add(["read"]);
    await call({ "x-api-key": text });
    keys.records.set(keyId, { ...keys.records.get(keyId)!, revokedAt: now() });
    await call({ "x-api-key": text });
    now.advance(30_000);
    expect((await refusalOf(call({ "x-api-key": text })))[0]).toBe("CREDENTIAL_INVALID");

    const again = keys.add(["read"]);
    await call({ "x-api-key": again.text });
    keys.records.set(again.keyId, { ...keys.records.get(again.keyId)!, revokedAt: now() });
    directory.forgetKey(TENANT, again.keyId);
    expect((await refusalOf(call({ "x-api-key": again.text })))[0]).toBe("CREDENTIAL_INVALID");
  });

  test("costs one question in 30 s, known or not", async () => {
    const { call, keys } = setup();
    const { text } = keys.add(["read"]);
    const gone = keys.add(["read"]);
    keys.records.delete(gone.keyId);
    for (let i = 0; i < 5; i++) {
      await call({ "x-api-key": text });
      await refusalOf(call({ "x-api-key": gone.text }));
    }
    expect(keys.finds).toBe(2);
  });

  test("that the store cannot look up is no bad key", async () => {
    const { call, keys } = setup();
    const { text } = keys.add(["read"]);
    keys.fail = new DomainError(ErrorReason.DATABASE_UNAVAILABLE, "gone");
    expect((await refusalOf(call({ "x-api-key": text })))[0]).toBe("DATABASE_UNAVAILABLE");
    keys.fail = undefined;
    await call({ "x-api-key": text });
  });

  test("has its last use written down, many at a time", async () => {
    const { call, keys, uses, now } = setup();
    const [one, two] = [keys.add(["read"]), keys.add(["read"])];
    await call({ "x-api-key": one.text });
    now.advance(5);
    for (let i = 0; i < 3; i++) await call({ "x-api-key": two.text });
    keys.fail = new Error("down");
    await uses.flush();
    expect(keys.uses).toEqual([]);
    keys.fail = undefined;
    await uses.stop();
    expect(keys.uses).toEqual([
      { tenantId: TENANT, keyId: one.keyId, usedAt: now() - 5 },
      { tenantId: TENANT, keyId: two.keyId, usedAt: now() },
    ]);
  });

  test("may act for a member, and is held by the member's role too", async () => {
    const { call, keys, members } = setup();
    members.add("auth0|bob", "manager");
    members.add("zoë", "lead");
    members.add("root", "super_admin");
    const { text } = keys.add(["read"]);
    const actFor = (id: string) => call({ "x-api-key": text, "x-act-for": id });
    expect(await actFor("auth0|bob")).toMatchObject({ kind: "key", memberId: "auth0|bob", memberRole: "manager" });
    // Node hands over the UTF-8 bytes of a header as Latin-1.
    expect(await actFor(Buffer.from("zoë").toString("latin1"))).toMatchObject({ memberId: "zoë", memberRole: "lead" });
    expect(await actFor("root")).toMatchObject({ memberRole: "admin" });
  });

  test.each(["nobody", "", "gone", "far", "key:1"])("may not act for %j", async (id) => {
    const { call, keys, members } = setup();
    members.add("gone", "member", { deleted: true });
    members.add("far", "member", { tenantId: OTHER_TENANT });
    const { text } = keys.add(["read"]);
    expect(await refusalOf(call({ "x-api-key": text, "x-act-for": id }))).toEqual([
      "PERMISSION_DENIED",
      "X-Act-For names no member of the key's tenant",
    ]);
  });
});

describe("a token", () => {
  test("speaks for a member, who is made when first seen and then costs nothing", async () => {
    const { call, members, bearer, token } = setup();
    const text = await token("alice");
    const principal = { kind: "member", tenantId: TENANT, memberId: "alice", role: "member" };
    for (let i = 0; i < 5; i++) expect(await call(bearer(text))).toEqual(principal);
    expect([...members.members.keys()]).toEqual([`${TENANT}/alice`]);
    expect(members.asked).toBe(1);
  });

  test("makes a member that was looked for before it was there", async () => {
    const { call, keys, members, bearer, token } = setup();
    const { text } = keys.add(["read"]);
    await refusalOf(call({ "x-api-key": text, "x-act-for": "alice" }));
    expect(await call(bearer(await token("alice")))).toMatchObject({ memberId: "alice" });
    expect(members.members.size).toBe(1);
  });

  test("takes its role from its claim, else from the directory", async () => {
    const { call, members, bearer, token } = setup();
    members.add("alice", "manager");
    expect(await call(bearer(await token("alice")))).toMatchObject({ role: "manager" });
    expect(await call(bearer(await token("alice", "lead")))).toMatchObject({ role: "lead" });
    expect(members.members.get(`${TENANT}/alice`)?.role).toBe("manager");
  });

  test("gives the directory no more than a role that anybody gets", async () => {
    const { call, members, bearer, token } = setup();
    expect(await call(bearer(await token("boss", "super_admin")))).toMatchObject({ role: "super_admin" });
    await call(bearer(await token("prospect", "lead")));
    expect([...members.members.values()].map(({ role }) => role)).toEqual(["member", "lead"]);
    expect(await call(bearer(await token("boss")))).toMatchObject({ role: "member" });
  });

  test("may name its tenant by slug", async () => {
    const { call, bearer, token } = setup();
    expect(await call(bearer(await token("alice", undefined, "other")))).toMatchObject({ tenantId: OTHER_TENANT });
  });

  test("of a tenant that does not exist is refused", async () => {
    const { call, bearer, token } = setup();
    expect((await refusalOf(call(bearer(await token("alice", undefined, "nowhere")))))[0]).toBe("CREDENTIAL_INVALID");
  });

  test("without a tenant names none, and makes no member", async () => {
    const { call, members, bearer, token } = setup();
    const principal = await call(bearer(await token("alice", undefined, "")));
    expect(principal).toEqual({ kind: "member", tenantId: undefined, memberId: "alice", role: "member" });
    expect(members.asked).toBe(0);
  });

  test("of a deleted member is refused", async () => {
    const { call, members, bearer, token } = setup();
    members.add("alice", "member", { deleted: true });
    expect((await refusalOf(call(bearer(await token()))))[0]).toBe("PERMISSION_DENIED");
  });

  test("of an issuer that is held to tenants is good there alone, by UUID or slug", async () => {
    const { call, members, bearer, token } = setup({ tenants: ["default"] });
    members.add("root", "super_admin");
    expect(await call(bearer(await token("root")))).toMatchObject({ role: "admin" });
    expect(await call(bearer(await token()))).toMatchObject({ tenantId: TENANT });
    expect((await refusalOf(call(bearer(await token("alice", undefined, OTHER_TENANT)))))[0]).toBe(
      "CREDENTIAL_INVALID",
    );
    expect((await refusalOf(call(bearer(await token("alice", undefined, "")))))[0]).toBe("CREDENTIAL_INVALID");
  });

  test("acts for nobody else", async () => {
    const { call, members, bearer, token } = setup();
    members.add("bob", "member");
    expect((await refusalOf(call({ ...bearer(await token()), "x-act-for": "bob" })))[0]).toBe("PERMISSION_DENIED");
  });

  test("got for an API key is that key: with its scopes, for as long as it lives", async () => {
    const { call, keys, local, bearer, directory, now } = setup();
    const { keyId } = keys.add(["read", "write"]);
    const scopes: Scope[] = ["read", "admin"];
    const text = await local.issueForKey({ tenantId: TENANT, keyId, scopes, ttl: 600 });
    const principal = { kind: "key", tenantId: TENANT, keyId, scopes: new Set(["read"]), memberId: undefined };
    expect(await call(bearer(text))).toEqual(principal);
    keys.records.set(keyId, { ...keys.records.get(keyId)!, revokedAt: now() });
    directory.forgetKey(TENANT, keyId);
    expect((await refusalOf(call(bearer(text))))[0]).toBe("CREDENTIAL_INVALID");
  });
});

describe("a tenant named in X-Tenant", () => {
  test("must be the credential's own", async () => {
    const { call, keys, bearer, token } = setup();
    const { text } = keys.add(["read"]);
    for (const own of ["default", TENANT]) {
      expect(await call({ "x-api-key": text, "x-tenant": own })).toMatchObject({ tenantId: TENANT });
      expect(await call({ ...bearer(await token()), "x-tenant": own })).toMatchObject({ tenantId: TENANT });
    }
    const refused = ["PERMISSION_DENIED", "X-Tenant names another tenant than the credential's"];
    for (const other of ["other", OTHER_TENANT, "nowhere", ""]) {
      expect(await refusalOf(call({ "x-api-key": text, "x-tenant": other }))).toEqual(refused);
      expect(await refusalOf(call({ ...bearer(await token("a", "admin")), "x-tenant": other }))).toEqual(refused);
    }
  });

  test("is a super administrator's to choose", async () => {
    const { call, members, bearer, token } = setup();
    const text = await token("root", "super_admin", "");
    expect(await call(bearer(text))).toMatchObject({ tenantId: undefined });
    expect(await call({ ...bearer(text), "x-tenant": "other" })).toMatchObject({ tenantId: OTHER_TENANT });
    expect(members.members.get(`${OTHER_TENANT}/root`)?.role).toBe("member");
    expect((await refusalOf(call({ ...bearer(text), "x-tenant": "nowhere" })))[0]).toBe("NOT_FOUND");
    members.add("root", "member", { deleted: true });
    expect((await refusalOf(call({ ...bearer(text), "x-tenant": "default" })))[0]).toBe("PERMISSION_DENIED");
  });
});

describe("work that costs something", () => {
  test("is announced, and can be refused; what is known already still passes", async () => {
    const { call, keys, bearer, token } = setup();
    const [known, fresh] = [keys.add(["read"]), keys.add(["read"])];
    const text = await token();
    await call({ "x-api-key": known.text });
    await call(bearer(text));
    const stop = () => {
      throw new DomainError(ErrorReason.RATE_LIMITED, "enough");
    };
    await call({ "x-api-key": known.text }, stop);
    await call(bearer(text), stop);
    expect((await refusalOf(call({ "x-api-key": fresh.text }, stop)))[0]).toBe("RATE_LIMITED");
    expect((await refusalOf(call(bearer(await token("bob")), stop)))[0]).toBe("RATE_LIMITED");
  });
});

test("a 401 says which credentials are understood", () => {
  expect(challenge(ErrorReason.CREDENTIAL_MISSING)).toBe('Bearer realm="colloquy"');
  expect(challenge(ErrorReason.CREDENTIAL_INVALID)).toBe('Bearer realm="colloquy", error="invalid_token"');
  expect(challenge(ErrorReason.SCOPE_MISSING)).toBeUndefined();
});
