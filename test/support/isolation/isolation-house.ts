// A tenant with one of every resource and everybody in it who may call, and what its neighbours may ask for.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { ruleName } from "../../../src/domain/identity/permissions.ts";
import { ROLES, SCOPES } from "../../../src/domain/identity/principal.ts";
import { type Comparable, type EveryWire, messageOf, type WireCaller } from "../calls/every-wire.ts";
import { ownServices } from "../servers/contract.ts";
import type { Credential, IdentityServer, IdentityTenant } from "../servers/identity-server.ts";
import { ISOLATION_CASES, type Target } from "./isolation-cases.ts";
import { furnish } from "./isolation-target.ts";

const services: readonly DescService[] = ownServices;
export const METHODS: readonly DescMethod[] = services.flatMap((service) => service.methods);

/** Rows of a table of tests: what can be asked with one message, and its number. */
export const ASKED = METHODS.filter(
  ({ methodKind }) => methodKind === "unary" || methodKind === "server_streaming",
).map((method, turn) => [ruleName(method), method, turn] as const);

export interface House {
  readonly tenant: IdentityTenant;
  readonly target: Target;
  /** By what they are: a token of each role, a key that acts for such a member, and a key by itself. */
  readonly callers: Readonly<Record<string, Credential>>;
}

export async function makeHouse(server: IdentityServer): Promise<House> {
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
  // Every caller is seen once before anything is counted, since a first-seen subject becomes a member.
  for (const caller of Object.values(callers)) await letIn(server, caller);
  return { tenant, target, callers };
}

/** Calls with a credential that must be good. */
export async function letIn(server: IdentityServer, credential: Credential): Promise<void> {
  const answer = await fetch(`${server.url}/v1/whoAmI`, { headers: credential });
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
}

/** The same request id on all calls, so that what is echoed is equal. */
export const SAME = { "x-request-id": "isolation" };

/** What a method answers on a wire when it is asked for a target in every way of its case. */
export async function askFor(
  wires: WireCaller,
  wire: EveryWire,
  method: DescMethod,
  target: Target,
  credential: Credential,
): Promise<Comparable[]> {
  const answers: Comparable[] = [];
  for (const init of ISOLATION_CASES[ruleName(method)]?.ask(target) ?? []) {
    const message = messageOf(method.input, init);
    answers.push(...(await wires.call(wire, method, message, { ...SAME, ...credential })));
  }
  return answers;
}
