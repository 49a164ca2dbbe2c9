// Promise R3: no tenant sees another. Every RPC and REST route of the contract, on every wire, as every role.
import type { DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ruleName } from "../../src/domain/identity/permissions.ts";
import { newId } from "../../src/domain/ids/id.ts";
import {
  type Comparable,
  createWireCaller,
  EVERY_WIRE,
  type EveryWire,
  messageOf,
  type WireCaller,
} from "../support/calls/every-wire.ts";
import { fingerprint, ISOLATION_CASES, type Target } from "../support/isolation/isolation-cases.ts";
import { ASKED, askFor, type House, METHODS, makeHouse, SAME } from "../support/isolation/isolation-house.ts";
import { randomTarget } from "../support/isolation/isolation-target.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

/** Each call by each caller of each tenant over each wire, as in the torture run. */
const EVERYTHING = process.env.TORTURE === "1";
/** They see all of their tenant: nothing but its id keeps them from what is another's. */
const SEE_ALL = ["admin", "key"];
const NOBODYS = "super admin of no tenant";

let server: IdentityServer;
let wires: WireCaller;
let houses: [House, House];
let root: Credential;
let before: Record<string, string>;
const counts = { foreign: 0, named: 0 };

beforeAll(async () => {
  server = await startIdentityServer();
  wires = createWireCaller(server.url);
  root = await server.superAdmin();
  houses = [await makeHouse(server), await makeHouse(server)];
  before = await fingerprint(server.database);
}, 120_000);
afterAll(async () => {
  wires.close();
  await server.close();
});

interface Try {
  readonly role: string;
  readonly credential: Credential;
  readonly wire: EveryWire;
  readonly own: Target;
  /** The other tenant's. */
  readonly victim: Target;
}

/** By these callers, each over one wire and from one tenant; from caller to caller, and from method to method, another. */
function triesOf(callers: readonly [role: string, of: (house: House) => Credential][], turn: number): Try[] {
  const all = callers.flatMap(([role, of], place) =>
    ([0, 1] as const).flatMap((index) =>
      EVERY_WIRE.map((wire, i) => ({
        chosen: index === place % 2 && i === (turn + place) % EVERY_WIRE.length,
        role,
        credential: of(houses[index]),
        wire,
        own: houses[index].target,
        victim: houses[1 - index]!.target,
      })),
    ),
  );
  return EVERYTHING ? all : all.filter(({ chosen }) => chosen);
}

const inHouse = (role: string) => [role, ({ callers }: House) => callers[role] as Credential] as const;

/** Those that see all, and of the others one, which changes with the methods but not in step with the wires. */
function callersOf(turn: number): [role: string, of: (house: House) => Credential][] {
  const roles = Object.keys(houses[0].callers).filter((role) => !SEE_ALL.includes(role));
  const others = [...roles.map(inHouse), [NOBODYS, () => root] as const];
  const round = Math.floor(turn / EVERY_WIRE.length);
  const chosen = EVERYTHING ? others : others.filter((_, i) => i === round % others.length);
  return [...SEE_ALL.map(inHouse), ...chosen].map(([role, of]) => [role, of]);
}

/** Ids that the request itself held may be echoed; they are as long as each other, and count as equal. */
function withoutIds({ outcome, bytes }: Comparable, target: Target): string {
  let text = bytes;
  for (const id of [target.conversationId, target.memberId, target.word, target.slug, target.agentName])
    text = text.replaceAll(id, "ID");
  return `${outcome}\n${text}`;
}

test("every method of the contract has a case, and every case a method", () => {
  expect(Object.keys(ISOLATION_CASES).sort()).toEqual(METHODS.map(ruleName).sort());
});

describe("a caller of another tenant gets what it gets for a random id, to the last byte", () => {
  test.each(ASKED)("%s", { timeout: 120_000 }, async (_, method, turn) => {
    for (const { role, credential, wire, victim } of triesOf(callersOf(turn), turn)) {
      // Tenants are a super administrator's business.
      if (role === NOBODYS && method.parent.name === "TenantService") continue;
      const nobody = randomTarget(victim);
      const foreign = await askFor(wires, wire, method, victim, credential);
      const random = await askFor(wires, wire, method, nobody, credential);
      counts.foreign += foreign.length;
      for (const [i, answer] of foreign.entries()) {
        const other = random[i] as Comparable;
        expect([role, wire, withoutIds(answer, victim)]).toEqual([role, wire, withoutIds(other, nobody)]);
        expect(answer.bytes.includes(victim.messageId)).toBe(false);
      }
    }
  });
});

describe("a caller that names another tenant in X-Tenant is refused, whether there is one or not", () => {
  test.each(ASKED)("%s", { timeout: 120_000 }, async (name, method: DescMethod, turn) => {
    const roles = Object.keys(houses[0].callers);
    const callers = EVERYTHING ? roles : roles.filter((_, i) => i === turn % roles.length);
    for (const { role, credential, wire, own, victim } of triesOf(
      callers.map((one) => [...inHouse(one)]),
      turn,
    )) {
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

test("nothing has changed in any table", async () => {
  expect(await fingerprint(server.database)).toEqual(before);
  process.stderr.write(`denied: ${counts.foreign} for foreign ids, ${counts.named} by X-Tenant\n`);
});
