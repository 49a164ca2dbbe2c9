// What a tenant's own administrator gets for the cases of the isolation tests: else they would ask for nothing that is
// there.
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SCOPES } from "../../src/domain/identity/principal.ts";
import { createWireCaller, type WireCaller } from "../support/calls/every-wire.ts";
import { ISOLATION_CASES, type Target } from "../support/isolation/isolation-cases.ts";
import { ASKED, askFor } from "../support/isolation/isolation-house.ts";
import { furnish } from "../support/isolation/isolation-target.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

/** The names of methods after which something is gone, or can no longer be asked for in the same words. */
const TAKES_AWAY = /^(Delete|Purge|Remove|Restore|Replace|Revoke|Rotate|Cancel|Lift|Erase|End|Release)/;
/** They take away more and more of one home: each comes before all that would leave it nothing to ask for. */
const TAKES_MORE = [/^Delete/, /^(DeleteAll|RestoreAll|Replace)/, /^DeleteConversation/, /^(Purge|Erase)/];
/** A turn goes on after its call was answered, and another has to wait for it. */
const STARTS_TURN = /^(Chat|Regenerate|CreateTurn)$/;

interface Home {
  readonly target: Target;
  readonly key: Credential;
}

let server: IdentityServer;
let wires: WireCaller;
beforeAll(async () => {
  server = await startIdentityServer();
  wires = createWireCaller(server.url);
});
afterAll(async () => {
  wires.close();
  await server.close();
});

async function makeHome(): Promise<Home> {
  const tenant = await server.tenant();
  const { credential: key } = await tenant.key(...SCOPES);
  return { target: await furnish(server, tenant, key), key };
}

const homes = new Map<string, Promise<Home>>();
/** Reads share a home, so do changes after which everything is still there, and so do those that take it away. */
function homeOf({ name, idempotency }: DescMethod): Promise<Home> {
  if (STARTS_TURN.test(name)) return makeHome();
  const reads = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const kind = reads ? "read" : TAKES_AWAY.test(name) ? "taken" : "changed";
  const home = homes.get(kind) ?? makeHome();
  homes.set(kind, home);
  return home;
}

const takenBy = ({ name }: DescMethod) => TAKES_MORE.findLastIndex((pattern) => pattern.test(name));

test.each(ASKED.toSorted(([, a], [, b]) => takenBy(a) - takenBy(b)))("%s", async (name, method) => {
  const { target, key } = await homeOf(method);
  const expected = ISOLATION_CASES[name]?.own ?? "ok";
  for (const { outcome } of await askFor(wires, "connect", method, target, key)) expect(outcome).toBe(expected);
});
