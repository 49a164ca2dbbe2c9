// Promise R3: no tenant sees another, and no credential fault gets anybody in. Every RPC and REST route of the
// contract, on every wire, as every role.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LOCAL_ISSUER } from "../../src/access/tokens/issuer.ts";
import { type Rule, ruleName, ruleOf } from "../../src/domain/identity/permissions.ts";
import { ROLES, SCOPES } from "../../src/domain/identity/principal.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { ownServices } from "../support/contract.ts";
import {
  type Comparable,
  createWireCaller,
  EVERY_WIRE,
  type EveryWire,
  messageOf,
  type WireCaller,
} from "../support/every-wire.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../support/identity-server.ts";
import { fingerprint, ISOLATION_CASES, type Target } from "../support/isolation-cases.ts";
import { furnish, randomTarget } from "../support/isolation-target.ts";

const TENANTS = 6;
/** Each call by each caller over each wire, as in the torture run. */
const EVERYTHING = process.env.TORTURE === "1";
/** Of the callers of each tenant, each call is made as so many; from tenant to tenant as others, so that all are. */
const CALLERS = EVERYTHING ? Number.POSITIVE_INFINITY : 2;
/** The names of methods after which something is gone, or can no longer be asked for in the same words. */
const TAKES_AWAY = /^(Delete|Purge|Remove|Restore|Replace|Revoke|Rotate|Cancel|Lift|Erase|End|Release)/;
const NOBODYS = "super admin of no tenant";

const services: readonly DescService[] = ownServices;
const methods: readonly DescMethod[] = services.flatMap((service) => service.methods);
const asked = methods.filter(({ methodKind }) => methodKind === "unary" || methodKind === "server_streaming");
const named = asked.map((method, turn) => [ruleName(method), method, turn] as const);

interface House {
  readonly tenant: IdentityTenant;
  readonly target: Target;
  readonly callers: Readonly<Record<string, Credential>>;
}

let server: IdentityServer;
let wires: WireCaller;
let houses: House[];
let faults: Fault[];
let root: Credential;
let before: Record<string, string>;

beforeAll(async () => {
  server = await startIdentityServer();
  wires = createWireCaller(server.url);
  root = await server.superAdmin();
  houses = [];
  for (let i = 0; i < TENANTS; i++) houses.push(await makeHouse());
  // Every caller is seen once before the count, since a first-seen subject becomes a member.
  for (const { callers } of houses) for (const caller of Object.values(callers)) await whoAmI(caller);
  faults = await makeFaults(houses[0] as House, houses[1] as House);
  before = await fingerprint(server.database);
}, 120_000);
afterAll(async () => {
  wires.close();
  await server.close();
});

async function makeHouse(): Promise<House> {
  const tenant = await server.tenant();
  const key = await tenant.key(...SCOPES);
  const target = await furnish(server, tenant, key.credential);
  const callers: Record<string, Credential> = {};
  for (const role of ROLES.filter((one) => one !== "super_admin")) {
    await tenant.addMember(`a-${role}`, { role });
    callers[role] = await tenant.token(`a-${role}`);
    callers[`key for a ${role}`] = { ...key.credential, "x-act-for": `a-${role}` };
  }
  callers.key = key.credential;
  return { tenant, target, callers };
}

/** By fault: the headers, and what they get. Undefined headers: no such fault for this method. */
type Fault = readonly [name: string, headers: Credential | ((rule: Rule) => Credential | undefined), reason: string];

async function makeFaults({ tenant }: House, elsewhere: House): Promise<Fault[]> {
  const now = Math.floor(Date.now() / 1000);
  const [signing] = await server.issuer.keys.all();
  const key = await crypto.subtle.importKey(
    "jwk",
    signing as unknown as JsonWebKey,
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
  const claims = { sub: "a-admin", tenant: tenant.id, iss: LOCAL_ISSUER, aud: LOCAL_ISSUER, exp: now + 7200 };
  const sign = async (changed: object, header: object = {}, by: Parameters<SignJWT["sign"]>[0] = key) =>
    bearer(
      await new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: "ES256", kid: signing?.kid ?? "", ...header })
        .sign(by),
    );
  const good = await sign({});
  await whoAmI(good);
  const rsa = await generateKeyPair("RS256");
  const revoked = await tenant.key(...SCOPES);
  const text = "update api_key set revoke_time = now() where tenant_id = $1 and id = $2";
  await server.database.query({ name: "isolation_revoke", text }, [tenant.id, revoked.id]);
  const keys = Object.fromEntries(
    await Promise.all(
      SCOPES.map(async (scope) => [scope, await tenant.key(...SCOPES.filter((other) => other !== scope))] as const),
    ),
  );
  const withAll = await tenant.key(...SCOPES);
  return [
    ["none", {}, "CREDENTIAL_MISSING"],
    ["malformed", bearer("nonsense"), "CREDENTIAL_INVALID"],
    ["expired", await sign({ exp: now - 60 }), "CREDENTIAL_INVALID"],
    ["not yet valid", await sign({ nbf: now + 3600 }), "CREDENTIAL_INVALID"],
    ["wrong audience", await sign({ aud: "else" }), "CREDENTIAL_INVALID"],
    ["wrong issuer", await sign({ iss: "else" }), "CREDENTIAL_INVALID"],
    ["wrong algorithm", await sign({}, { alg: "RS256" }, rsa.privateKey), "CREDENTIAL_INVALID"],
    ["unknown key id", await sign({}, { kid: "unknown" }), "CREDENTIAL_INVALID"],
    ["revoked", revoked.credential, "CREDENTIAL_INVALID"],
    [
      "wrong scope",
      ({ scope }) => (scope === "any" || scope === "none" ? undefined : keys[scope]?.credential),
      "SCOPE_MISSING",
    ],
    ["another member, by a token", { ...good, "x-act-for": "a-lead" }, "PERMISSION_DENIED"],
    ["another member, that the tenant lacks", { ...withAll.credential, "x-act-for": "nobody" }, "PERMISSION_DENIED"],
    ["a tenant that is not the token's", { ...good, "x-tenant": elsewhere.tenant.id }, "PERMISSION_DENIED"],
  ];
}

async function whoAmI(credential: Credential): Promise<void> {
  const answer = await fetch(`${server.url}/v1/whoAmI`, { headers: credential });
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
}

const tenantsCallers = (index: number) => Object.entries(houses[index]?.callers ?? {});

/** Some of a tenant's callers, in their turn with a super administrator who names no tenant. */
function callersOf(index: number): [role: string, credential: Credential][] {
  const all: [string, Credential][] = [...tenantsCallers(index), [NOBODYS, root]];
  if (CALLERS >= all.length) return all;
  return Array.from({ length: CALLERS }, (_, place) => all[(index * CALLERS + place) % all.length] ?? all[0]).flatMap(
    (caller) => (caller === undefined ? [] : [caller]),
  );
}

/** One wire for one try; from try to try, and from method to method, another. */
function wiresOf(turn: number): readonly EveryWire[] {
  return EVERYTHING ? EVERY_WIRE : EVERY_WIRE.filter((_, i) => i === turn % EVERY_WIRE.length);
}

interface Attempt {
  readonly index: number;
  readonly role: string;
  readonly credential: Credential;
  readonly wire: EveryWire;
}

/** On each wire one caller of a tenant, from method to method another. */
function oneOnEachWire(turn: number): Attempt[] {
  return EVERY_WIRE.map((wire, i) => {
    const index = (turn + i) % TENANTS;
    const callers = tenantsCallers(index);
    const [role, credential] = callers[(turn + i) % callers.length] as (typeof callers)[number];
    return { index, role, credential, wire };
  });
}

/** Each caller of each tenant on each wire. */
function allOnEachWire(): Attempt[] {
  return [...houses.keys()].flatMap((index) =>
    tenantsCallers(index).flatMap(([role, credential]) =>
      EVERY_WIRE.map((wire) => ({ index, role, credential, wire })),
    ),
  );
}

// The same request id on both calls, so that what is echoed is equal.
const SAME = { "x-request-id": "isolation" };

async function ask(wire: EveryWire, method: DescMethod, target: Target, credential: Credential): Promise<Comparable[]> {
  const answers: Comparable[] = [];
  for (const init of ISOLATION_CASES[ruleName(method)]?.ask(target) ?? []) {
    const message = messageOf(method.input, init);
    answers.push(...(await wires.call(wire, method, message, { ...SAME, ...credential })));
  }
  return answers;
}

/** Ids that the request itself held may be echoed; they are as long as each other, and count as equal. */
function withoutIds({ outcome, bytes }: Comparable, target: Target): string {
  let text = bytes;
  for (const id of [target.conversationId, target.memberId, target.word, target.slug, target.agentName])
    text = text.replaceAll(id, "ID");
  return `${outcome}\n${text}`;
}

const counts = { foreign: 0, named: 0, faults: 0 };

test("every method of the contract has a case, and every case a method", () => {
  expect(Object.keys(ISOLATION_CASES).sort()).toEqual(methods.map(ruleName).sort());
});

describe("a caller of another tenant gets what it gets for a random id, to the last byte", () => {
  test.each(named)("%s", { timeout: 120_000 }, async (_, method, turn) => {
    for (const index of houses.keys()) {
      const victim = houses[(index + 1) % houses.length]?.target as Target;
      const nobody = randomTarget(victim);
      for (const [place, [role, credential]] of callersOf(index).entries()) {
        // Tenants are a super administrator's business.
        if (role === NOBODYS && method.parent.name === "TenantService") continue;
        for (const wire of wiresOf(turn + index + place)) {
          const foreign = await ask(wire, method, victim, credential);
          const random = await ask(wire, method, nobody, credential);
          counts.foreign += foreign.length;
          for (const [i, answer] of foreign.entries()) {
            const other = random[i] as Comparable;
            expect([role, wire, withoutIds(answer, victim)]).toEqual([role, wire, withoutIds(other, nobody)]);
            expect(answer.bytes.includes(victim.messageId)).toBe(false);
          }
        }
      }
    }
  });
});

describe("a caller that names another tenant in X-Tenant is refused, whether there is one or not", () => {
  test.each(named)("%s", { timeout: 120_000 }, async (name, method, turn) => {
    for (const { index, role, credential, wire } of EVERYTHING ? allOnEachWire() : oneOnEachWire(turn)) {
      const own = houses[index]?.target as Target;
      const victim = houses[(index + 1) % houses.length]?.target as Target;
      const message = messageOf(method.input, ISOLATION_CASES[name]?.ask(own)[0] ?? {});
      const call = (tenant: string) =>
        wires.call(wire, method, message, { ...SAME, ...credential, "x-tenant": tenant });
      const answers = [await call(victim.tenantId), await call(victim.slug), await call(newId())];
      counts.named += answers.flat().length;
      for (const { outcome } of answers.flat())
        expect([role, wire, outcome]).toEqual([role, wire, "PERMISSION_DENIED"]);
      for (const answer of answers) expect([role, wire, answer]).toEqual([role, wire, answers[2]]);
    }
  });
});

describe("a fault of the credential", () => {
  test.each(named)("gets nobody into %s", { timeout: 60_000 }, async (name, method, turn) => {
    const own = houses[0]?.target as Target;
    const init = ISOLATION_CASES[name]?.ask(own)[0] ?? {};
    for (const [i, [fault, headers, reason]] of faults.entries()) {
      const credential = typeof headers === "function" ? headers(ruleOf(method)) : headers;
      if (credential === undefined) continue;
      for (const wire of wiresOf(turn + i)) {
        for (const { outcome } of await wires.call(wire, method, messageOf(method.input, init), {
          ...SAME,
          ...credential,
        })) {
          counts.faults++;
          expect([fault, wire, outcome]).toEqual([fault, wire, reason]);
        }
      }
    }
  });
});

test("nothing has changed in any table", async () => {
  expect(await fingerprint(server.database)).toEqual(before);
  const { foreign, named: byName, faults: byCredential } = counts;
  process.stderr.write(`denied: ${foreign} for foreign ids, ${byName} by X-Tenant, ${byCredential} by credential\n`);
});

describe("a tenant's own administrator gets what a case asks for", () => {
  interface Home {
    readonly target: Target;
    readonly key: Credential;
  }
  async function makeHome(): Promise<Home> {
    const tenant = await server.tenant();
    const { credential: key } = await tenant.key(...SCOPES);
    return { target: await furnish(server, tenant, key), key };
  }
  const homes = new Map<string, Promise<Home>>();
  /** Reads share a home, and so do changes after which everything that a case asks for is still there. */
  function homeOf({ name, idempotency, parent }: DescMethod): Promise<Home> {
    const reads = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    // A turn goes on after its call was answered, and another has to wait for it.
    if (!reads && (TAKES_AWAY.test(name) || parent.name === "TurnService")) return makeHome();
    const kind = reads ? "read" : "changed";
    const home = homes.get(kind) ?? makeHome();
    homes.set(kind, home);
    return home;
  }

  // Or the cases above would ask for nothing that is there.
  test.each(named)("%s", async (name, method) => {
    const { target, key } = await homeOf(method);
    const expected = ISOLATION_CASES[name]?.own ?? "ok";
    for (const { outcome } of await ask("connect", method, target, key)) expect(outcome).toBe(expected);
  });
});
