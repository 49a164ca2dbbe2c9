// What servers of one database tell each other: revoked keys, changed members, and how much callers have used up.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { FRESH_MS } from "../../src/access/store-interfaces.ts";
import { failureOf } from "../support/failure.ts";
import { HAS_PROXIES, startHaproxy } from "../support/parts/proxies.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const LIMIT = 100;
// Within the time for which what is known is not read again.
const SOON = { timeout: FRESH_MS - 10_000, interval: 20 };

let folder: string;
let one: IdentityServer;
let other: IdentityServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-several-"));
  const environment = { COLLOQUY_RATE_LIMITS: `caller=${LIMIT}/900,tenant=off,failures=off` };
  one = await startIdentityServer({ environment });
  other = await startIdentityServer({ beside: one, environment: { ...environment, COLLOQUY_DATA_DIR: folder } });
});
afterAll(async () => {
  await other.close();
  await one.close();
  await rm(folder, { recursive: true });
});

const list = (server: IdentityServer, credential: Credential) =>
  server.client(ConversationService, credential).listConversations({});
const reasonOf = async (calling: Promise<unknown>) => (await failureOf(calling)).reason;

test("F-SERVERS: a key that one server revokes is refused by the other, which knew it", async () => {
  const tenant = await one.tenant();
  const admin = await tenant.key("read", "write", "admin");
  const key = await tenant.key("read");
  await list(other, key.credential);
  await one.client(AccessService, admin.credential).revokeApiKey({ apiKeyId: key.id });
  await expect.poll(() => reasonOf(list(other, key.credential)), SOON).toBe("CREDENTIAL_INVALID");
});

test("a member whose role one server changes has it on the other", async () => {
  const tenant = await one.tenant();
  const admin = await tenant.key("read", "write", "admin");
  const directory = one.client(DirectoryService, admin.credential);
  await tenant.addMember("ann");
  const credential = await tenant.token("ann");
  const mayListKeys = () => reasonOf(other.client(AccessService, credential).listApiKeys({}));
  expect(await mayListKeys()).toBe("PERMISSION_DENIED");
  await directory.upsertMember({ memberId: "ann", member: { role: 4 } });
  await expect.poll(mayListKeys, SOON).toBeUndefined();
});

test("F-SERVERS: what a caller has used up at one server is missing at the other", async () => {
  const tenant = await one.tenant();
  const { credential } = await tenant.key("read");
  const callAt = async ({ url }: IdentityServer) => {
    const response = await fetch(`${url}/v1/conversations`, { headers: { ...credential } });
    await response.body?.cancel();
    const [, remaining] = /"caller";r=(\d+)/.exec(response.headers.get("ratelimit") ?? "") ?? [];
    return { status: response.status, remaining: Number(remaining) };
  };
  const used = 60;
  for (let call = 0; call < used; call++) expect((await callAt(one)).status).toBe(200);
  let asked = 0;
  await expect
    .poll(async () => {
      asked++;
      return (await callAt(other)).remaining + asked;
    }, SOON)
    .toBeLessThanOrEqual(LIMIT - used + LIMIT / 100);
  let allowed = asked;
  while ((await callAt(other)).status === 200) allowed++;
  expect(used + allowed).toBeGreaterThanOrEqual(LIMIT);
  expect(used + allowed).toBeLessThanOrEqual(LIMIT + LIMIT / 100);
});

// What people write who have read no page of ours.
const PLAIN = `
  defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
    option redispatch
    retry-on conn-failure
  frontend all
    bind 127.0.0.1:PORT
    default_backend servers
  backend servers
    option httpchk
    default-server check inter 100ms fall 1 rise 1
    server one ONE
    server other OTHER`;

test.skipIf(!HAS_PROXIES)("F-SERVERS: behind HAProxy's plain httpchk a server may leave, and calls go on", async () => {
  const leaving = await startIdentityServer({ beside: one, environment: { COLLOQUY_DATA_DIR: folder } });
  const host = ({ url }: IdentityServer) => new URL(url).host;
  await using proxy = await startHaproxy(PLAIN.replace("ONE", host(one)).replace("OTHER", host(leaving)));
  const { credential } = await (await one.tenant()).key("read");
  const call = async () => {
    const response = await fetch(`${proxy.url}/v1/conversations`, { headers: { ...credential, connection: "close" } });
    await response.body?.cancel();
    return response.status;
  };
  const several = async () => [await call(), await call(), await call(), await call()];
  // Both are up: HAProxy answers 503 where the check has failed, as it does when a server has no time for it.
  await expect.poll(several, SOON).toEqual([200, 200, 200, 200]);
  await leaving.close();
  await expect.poll(several, SOON).toEqual([200, 200, 200, 200]);
});
