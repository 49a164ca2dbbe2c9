// F-AUDIT: Public reports about audit logs with hashes, their retention and their exports in other products, tried
// here.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditBreak_Kind, AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { systemCaller } from "../../src/domain/identity/caller.ts";
import { audit as addEntry } from "../../src/store/audit/audit.ts";
import { dropOldAudit, sealAudit } from "../../src/store/audit/chain.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const ORIGIN = { requestId: "", address: "" };

async function log() {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const { database } = server;
  let name = 0;
  return {
    ...{ tenant, credential, audit: server.client(AuditService, credential) },
    add: (action: string, details: Record<string, string | number>, on: Pick<typeof database, "query"> = database) =>
      addEntry(on, systemCaller(tenant.id, "server"), ORIGIN, {
        action,
        resourceType: "thing",
        resourceId: "1",
        details,
      }),
    seal: () => sealAudit(database, tenant.id),
    sql: (text: string) => database.query({ name: `test_report_${tenant.id}_${name++}`, text }, [tenant.id]),
  };
}

test("F-AUDIT: a chain does not fork where many write and several seal at once", async () => {
  const { add, seal, audit } = await log();
  const writes = Array.from({ length: 120 }, (_, place) => add(`act.${place}`, { place }));
  await Promise.all([...writes, seal(), seal(), seal()]);
  await Promise.all([seal(), seal()]);
  const { entryCount, complete } = await audit.verifyAudit({});
  expect([entryCount, complete]).toEqual([120n, true]);
});

test("F-AUDIT: what commits late, with an older id, joins the chain where it is", async () => {
  const { add, seal, audit } = await log();
  await server.database.transaction(undefined, async (tx) => {
    await add("early", {}, tx);
    await add("late", {});
    await seal();
  });
  const { entryCount, complete } = await audit.verifyAudit({});
  expect([entryCount, complete]).toEqual([2n, true]);
});

test("F-AUDIT: what is stored is what is hashed: orders of keys, numbers, texts of any script, and times", async () => {
  const { add, audit, sql, seal } = await log();
  await add("keys", { zebra: 1, a: 2, "": 3, Ä: 4 });
  await add("numbers", { large: 1e21, small: 1e-7, minus: -0, long: Number.MAX_SAFE_INTEGER });
  await add("texts", { text: '\u0001\u2028\u{1f600}"\\é e\u0301' });
  await sql("update audit set create_time = '2026-01-01T00:00:00Z' where tenant_id = $1 and action = 'keys'");
  await sql("update audit set create_time = '2026-01-01T00:00:00.1234567Z' where tenant_id = $1 and action = 'texts'");
  await seal();
  expect(await audit.verifyAudit({})).toMatchObject({ entryCount: 3n, complete: true });
});

test.for([
  "chain_hash = null",
  "chain_digest = null",
  "chain_salt = '\\x00'",
  "details = null",
  "details = '[]'",
  "details = '\"text\"'",
  'details = \'{"nested": {"deep": [1, null]}}\'',
  "actor = ''",
  "create_time = 'infinity'",
])("F-AUDIT: a check reports what is malformed (%s), and does not fail on it", async (change) => {
  const { add, audit, sql, seal } = await log();
  for (const action of ["one", "two", "three"]) await add(action, { number: 1 });
  await seal();
  await sql(`update audit set ${change} where tenant_id = $1 and chain_seq = 2`);
  const { break: found } = await audit.verifyAudit({});
  expect(found).toMatchObject({ kind: AuditBreak_Kind.CHANGED, sequence: 2n });
});

test("F-AUDIT: an export of several pages has each entry once, also of one moment", async () => {
  const { sql, audit, seal } = await log();
  await sql(`insert into audit (tenant_id, id, actor, action, resource_type, resource_id, request_id, address, create_time)
    select $1, gen_random_uuid(), 'system:server', 'act', 'thing', n::text, '', '', '2026-01-01' from generate_series(1, 1100) n`);
  await seal();
  const seen: string[] = [];
  for await (const { auditEntry } of audit.exportAuditEntries({})) if (auditEntry) seen.push(auditEntry.resourceId);
  expect([seen.length, new Set(seen).size]).toEqual([1100, 1100]);
});

test("F-AUDIT: retention follows the chain, so a time that was set back removes nothing that is young", async () => {
  const { add, audit, sql, seal, tenant } = await log();
  for (const action of ["old", "young", "young.back", "young"]) await add(action, {});
  await sql("update audit set create_time = now() - interval '90 days' where tenant_id = $1 and action = 'old'");
  await seal();
  await sql("update audit set create_time = now() - interval '90 days' where tenant_id = $1 and action = 'young.back'");
  const tenants = server.client(TenantService, await server.superAdmin());
  await tenants.updateTenant({ tenantId: tenant.id, tenant: { auditRetentionDays: 30 } });
  expect(await dropOldAudit(server.database, tenant.id)).toBe(1);
  const found = await audit.verifyAudit({});
  expect(found).toMatchObject({ firstSequence: 2n, break: { kind: AuditBreak_Kind.CHANGED, sequence: 3n } });
});
