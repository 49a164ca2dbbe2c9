// Promise R3: no fault of a credential gets anybody in, into any RPC or REST route of the contract, on any wire.
import { generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_ISSUER } from "../../src/access/tokens/issuer.ts";
import { type Rule, ruleOf } from "../../src/domain/identity/permissions.ts";
import { SCOPES } from "../../src/domain/identity/principal.ts";
import { createWireCaller, EVERY_WIRE, messageOf, type WireCaller } from "../support/calls/every-wire.ts";
import { fingerprint, ISOLATION_CASES } from "../support/isolation/isolation-cases.ts";
import { ASKED, type House, letIn, makeHouse, SAME } from "../support/isolation/isolation-house.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  startIdentityServer,
} from "../support/servers/identity-server.ts";

/** Each fault over each wire, as in the torture run. */
const EVERYTHING = process.env.TORTURE === "1";

let server: IdentityServer;
let wires: WireCaller;
let house: House;
/** Those that a method has a part in: whether it needs a credential at all, and of which scope. */
let ofEach: Fault[];
/** Those that are found before it is looked which method is called. */
let ofAny: Fault[];
let before: Record<string, string>;
let refused = 0;

beforeAll(async () => {
  server = await startIdentityServer();
  wires = createWireCaller(server.url);
  house = await makeHouse(server);
  [ofEach, ofAny] = await Promise.all([faultsOfEach(), faultsOfAny()]);
  before = await fingerprint(server.database);
}, 120_000);
afterAll(async () => {
  wires.close();
  await server.close();
});

/** By fault: the headers, and what they get. Undefined headers: no such fault for this method. */
type Fault = readonly [name: string, headers: (rule: Rule) => Credential | undefined, reason: string];

async function faultsOfEach(): Promise<Fault[]> {
  const without = async (scope: (typeof SCOPES)[number]) =>
    (await house.tenant.key(...SCOPES.filter((other) => other !== scope))).credential;
  const keys = Object.fromEntries(
    await Promise.all(SCOPES.map(async (scope) => [scope, await without(scope)] as const)),
  );
  const wrong = ({ scope }: Rule) => (scope === "any" || scope === "none" ? undefined : keys[scope]);
  return [
    ["none", () => ({}), "CREDENTIAL_MISSING"],
    ["wrong scope", wrong, "SCOPE_MISSING"],
  ];
}

async function faultsOfAny(): Promise<Fault[]> {
  const { tenant } = house;
  const elsewhere = await server.tenant();
  const now = Math.floor(Date.now() / 1000);
  const [signing] = await server.issuer.keys.all();
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", signing as unknown as JsonWebKey, algorithm, false, ["sign"]);
  const claims = { sub: "a-admin", tenant: tenant.id, iss: LOCAL_ISSUER, aud: LOCAL_ISSUER, exp: now + 7200 };
  const sign = async (changed: object, header: object = {}, by: Parameters<SignJWT["sign"]>[0] = key) =>
    bearer(
      await new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: "ES256", kid: signing?.kid ?? "", ...header })
        .sign(by),
    );
  const good = await sign({});
  await letIn(server, good);
  const rsa = await generateKeyPair("RS256");
  const revoked = await tenant.key(...SCOPES);
  const text = "update api_key set revoke_time = now() where tenant_id = $1 and id = $2";
  await server.database.query({ name: "isolation_revoke", text }, [tenant.id, revoked.id]);
  const withAll = await tenant.key(...SCOPES);
  const faults: readonly (readonly [name: string, headers: Credential, reason?: string])[] = [
    ["malformed", bearer("nonsense")],
    ["expired", await sign({ exp: now - 60 })],
    ["not yet valid", await sign({ nbf: now + 3600 })],
    ["wrong audience", await sign({ aud: "else" })],
    ["wrong issuer", await sign({ iss: "else" })],
    ["wrong algorithm", await sign({}, { alg: "RS256" }, rsa.privateKey)],
    ["unknown key id", await sign({}, { kid: "unknown" })],
    ["revoked", revoked.credential],
    ["another member, by a token", { ...good, "x-act-for": "a-lead" }, "PERMISSION_DENIED"],
    ["another member, that the tenant lacks", { ...withAll.credential, "x-act-for": "nobody" }, "PERMISSION_DENIED"],
    ["a tenant that is not the token's", { ...good, "x-tenant": elsewhere.id }, "PERMISSION_DENIED"],
  ];
  return faults.map(([name, headers, reason = "CREDENTIAL_INVALID"]) => [name, () => headers, reason]);
}

test.each(ASKED)("%s", { timeout: 60_000 }, async (name, method, turn) => {
  const message = messageOf(method.input, ISOLATION_CASES[name]?.ask(house.target)[0] ?? {});
  const others = EVERYTHING ? ofAny : ofAny.filter((_, i) => i === turn % ofAny.length);
  for (const [place, [fault, headersFor, reason]] of [...ofEach, ...others].entries()) {
    const headers = headersFor(ruleOf(method));
    if (headers === undefined) continue;
    for (const wire of EVERY_WIRE.filter((_, i) => EVERYTHING || i === (turn + place) % EVERY_WIRE.length)) {
      for (const { outcome } of await wires.call(wire, method, message, { ...SAME, ...headers })) {
        refused++;
        expect([fault, wire, outcome]).toEqual([fault, wire, reason]);
      }
    }
  }
});

test("nothing has changed in any table", async () => {
  expect(await fingerprint(server.database)).toEqual(before);
  process.stderr.write(`denied: ${refused} by credential\n`);
});
