// The audit log as a chain of hashes: what of it is changed, removed, inserted or moved is found, also where it is
// exported, kept for a time, or a person was erased.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditBreak_Kind } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { verifyAudit } from "../../src/services/audit/verify.ts";
import { dropOldAudit, sealAudit } from "../../src/store/audit/chain.ts";
import { failureOf } from "../support/errors.ts";
import { at, COLUMNS, chainOf } from "../support/postgres/audit-chain.ts";
import { runJobs } from "../support/postgres/erasure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const { CHANGED, REMOVED, INSERTED, REORDERED, REWRITTEN } = AuditBreak_Kind;

test("a chain that nobody touched is whole, and goes on from where it was checked last", async () => {
  const { audit, add } = await chainOf(server, 5);
  const whole = await audit.verifyAudit({});
  expect(whole).toMatchObject({ entryCount: 5n, erasedCount: 0n, firstSequence: 1n, lastSequence: 5n, complete: true });
  expect(whole.break).toBeUndefined();
  const { lastSequence: afterSequence, lastHash: afterHash } = whole;
  expect(await audit.verifyAudit({ afterSequence, afterHash })).toMatchObject({ entryCount: 0n, complete: true });
  await add(6);
  const grown = await audit.verifyAudit({ afterSequence, afterHash });
  expect(grown).toMatchObject({ entryCount: 1n, lastSequence: 6n, complete: true });
  expect(await failureOf(audit.verifyAudit({ afterSequence }))).toMatchObject({ reason: "INVALID_FIELD" });
});

test.for([
  ["a text was changed", `update audit set action = 'act.9' where ${at(3)}`, CHANGED, 3],
  ["details were changed", `update audit set details = details || '{"count": 7}' where ${at(3)}`, CHANGED, 3],
  ["a hash was changed", `update audit set chain_hash = chain_digest where ${at(3)}`, CHANGED, 3],
  ["the last hash was changed", `update audit set chain_hash = chain_digest where ${at(6)}`, CHANGED, 6],
  ["an entry was removed", `delete from audit where ${at(3)}`, REMOVED, 3],
  ["the last entry was removed", `delete from audit where ${at(6)}`, REMOVED, 6],
  [
    "an entry was removed and the gap closed",
    `delete from audit where ${at(3)}; update audit set chain_seq = chain_seq - 10 where tenant_id = $1 and chain_seq > 3;
     update audit set chain_seq = chain_seq + 9 where tenant_id = $1 and chain_seq < 0`,
    REMOVED,
    3,
  ],
  [
    "an entry was inserted",
    `update audit set chain_seq = -chain_seq where tenant_id = $1 and chain_seq > 2;
     update audit set chain_seq = 1 - chain_seq where tenant_id = $1 and chain_seq < 0;
     insert into audit (tenant_id, id, ${COLUMNS}, chain_seq)
       select tenant_id, gen_random_uuid(), ${COLUMNS.replace("chain_hash", "chain_digest")}, 3 from audit where ${at(5)};
     update audit set chain_salt = null where ${at(3)}`,
    INSERTED,
    3,
  ],
  [
    "two entries changed places",
    `update audit set chain_seq = -5 where ${at(3)}; update audit set chain_seq = 3 where ${at(5)};
     update audit set chain_seq = 5 where tenant_id = $1 and chain_seq = -5`,
    REORDERED,
    3,
  ],
  [
    "two neighbours changed places",
    `update audit set chain_seq = -5 where ${at(3)}; update audit set chain_seq = 3 where ${at(4)};
     update audit set chain_seq = 4 where tenant_id = $1 and chain_seq = -5`,
    REORDERED,
    3,
  ],
  [
    "the first entries were declared old",
    `delete from audit where tenant_id = $1 and chain_seq < 3;
     update audit_chain c set dropped_seq = 2, dropped_hash = chain_hash from audit a where c.tenant_id = $1 and a.tenant_id = $1 and chain_seq = 3`,
    REMOVED,
    2,
  ],
  [
    "an entry was put past the end",
    `insert into audit (tenant_id, id, ${COLUMNS}, chain_seq) select tenant_id, gen_random_uuid(), ${COLUMNS}, 7 from audit where ${at(5)}`,
    INSERTED,
    7,
  ],
] as const)("it is found that %s", async ([, statements, kind, sequence]) => {
  const { audit, sql } = await chainOf(server, 6);
  expect((await audit.verifyAudit({})).complete).toBe(true);
  for (const statement of statements.split(";")) await sql(statement);
  const found = await audit.verifyAudit({});
  expect(found).toMatchObject({ complete: false, break: { kind, sequence: BigInt(sequence) } });
  expect(found.lastSequence).toBeLessThan(sequence);
});

test("a chain that was written anew is found by a hash that somebody kept", async () => {
  const { audit, sql, tenant } = await chainOf(server, 4);
  const { lastSequence: afterSequence, lastHash: afterHash } = await audit.verifyAudit({});
  await sql("update audit set action = 'act.9', chain_seq = null where tenant_id = $1");
  await sql("delete from audit_chain where tenant_id = $1");
  await sealAudit(server.database, tenant.id);
  expect(await audit.verifyAudit({})).toMatchObject({ complete: true });
  const found = await audit.verifyAudit({ afterSequence, afterHash });
  expect(found).toMatchObject({ complete: false, break: { kind: REWRITTEN, sequence: 4n } });
});

test("where the note of a chain's end is lost, that is found for ever, and entries are sealed on", async () => {
  const { audit, sql, add, tenant } = await chainOf(server, 4);
  const { lastSequence: afterSequence, lastHash: afterHash } = await audit.verifyAudit({});
  await sql("delete from audit_chain where tenant_id = $1");
  const lost = { complete: false, break: { kind: REMOVED, sequence: 5n } };
  expect(await audit.verifyAudit({})).toMatchObject({ entryCount: 4n, lastHash: afterHash, ...lost });
  expect(await audit.verifyAudit({ afterSequence, afterHash })).toMatchObject({ entryCount: 0n, ...lost });
  await add(5);
  expect(await sealAudit(server.database, tenant.id)).toBe(1);
  expect(await audit.verifyAudit({})).toMatchObject({ entryCount: 4n, ...lost });
  const { auditEntries } = await audit.listAuditEntries({ action: "act.5" });
  expect(auditEntries[0]?.seal?.sequence).toBe(6n);
});

test("an entry past the end of a chain does not keep others from being sealed, and is found for ever", async () => {
  const { audit, sql, add, tenant } = await chainOf(server, 3);
  await sql(`insert into audit (tenant_id, id, ${COLUMNS}, chain_seq) select tenant_id, gen_random_uuid(), ${COLUMNS}, 4
    from audit where ${at(2)}`);
  for (const number of [5, 6]) {
    await add(number);
    expect(await sealAudit(server.database, tenant.id)).toBe(1);
    expect(await audit.verifyAudit({})).toMatchObject({ entryCount: 3n, complete: false, break: { sequence: 4n } });
  }
});

test("a long chain is checked in several calls", async () => {
  const { tenant } = await chainOf(server, 5);
  const signal = new AbortController().signal;
  let known: { seq: bigint; hash: string } | undefined;
  const counts: (bigint | undefined)[] = [];
  for (let complete = false; !complete; ) {
    const found = await verifyAudit(server.database, tenant.id, known, signal, 2);
    counts.push(found.entryCount as bigint);
    complete = found.complete ?? false;
    known = { seq: found.lastSequence as bigint, hash: found.lastHash ?? "" };
  }
  expect(counts).toEqual([2n, 2n, 1n]);
});

test("an export can be checked without the server", async () => {
  const { tenant, credential } = await chainOf(server, 3);
  const response = await fetch(`${server.url}/v1/auditEntries:export`, { headers: credential });
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const sorted = (value: unknown): unknown =>
    typeof value === "object"
      ? Object.fromEntries(
          Object.entries(value ?? {})
            .sort()
            .map(([name, field]) => [name, sorted(field)]),
        )
      : value;
  const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  let hash = sha256(tenant.id);
  for (const [index, line] of lines.entries()) {
    const { seal, ...rest } = JSON.parse(line);
    const entry = Object.fromEntries(Object.entries(rest).filter(([, value]) => !["", "{}"].includes(textOf(value))));
    expect(seal).toMatchObject({
      sequence: `${index + 1}`,
      digest: sha256(JSON.stringify(sorted({ ...entry, salt: seal.salt }))),
    });
    hash = sha256(hash + seal.digest);
    expect(seal.hash).toBe(hash);
  }
  expect(lines).toHaveLength(3);
  const rest = await fetch(`${server.url}/v1/auditEntries:export?afterSequence=2`, { headers: credential });
  expect(await rest.text()).toBe(`${lines[2]}\n`);
});

test("old entries are removed, and what is left stays a chain; a hold on the tenant keeps them", async () => {
  const { audit, sql, tenant, credential, add } = await chainOf(server, 4);
  const root = await server.superAdmin();
  const tenants = server.client(TenantService, root);
  await sql("update audit set create_time = now() - interval '40 days' where tenant_id = $1 and chain_seq <= 2");
  await sql("update audit set chain_seq = null where tenant_id = $1");
  await sql("delete from audit_chain where tenant_id = $1");
  await sealAudit(server.database, tenant.id);
  const drop = () => dropOldAudit(server.database, tenant.id);
  expect(await drop()).toBe(0);
  await tenants.updateTenant({ tenantId: tenant.id, tenant: { auditRetentionDays: 30 } });
  const holds = server.client(LegalHoldService, credential);
  const legalHold = { displayName: "All", reason: "Audit", scope: { case: "wholeTenant" as const, value: true } };
  const { legalHold: hold } = await holds.createLegalHold({ legalHold });
  expect(await drop()).toBe(0);
  await holds.liftLegalHold({ legalHoldId: hold?.id ?? "", reason: "Over" });
  expect([await drop(), await drop()]).toEqual([2, 0]);
  const whole = await audit.verifyAudit({});
  expect(whole).toMatchObject({ firstSequence: 3n, complete: true });
  const { auditEntries } = await audit.listAuditEntries({ action: "audit.drop" });
  expect(auditEntries[0]?.details).toMatchObject({ count: "2", last_sequence: "2" });
  await add(5);
  expect((await audit.verifyAudit({})).entryCount).toBe(whole.entryCount + 1n);
});

test("the erasure of a person leaves the chain whole, and nothing by which its name could be found", async () => {
  const { audit, tenant, credential } = await chainOf(server, 3);
  await tenant.addMember("m2");
  await server.client(ErasureService, credential).eraseMember({ memberId: "m2" });
  await runJobs(server.database, tenant.id);
  const whole = await audit.verifyAudit({});
  expect(whole).toMatchObject({ complete: true });
  expect(whole.erasedCount).toBeGreaterThanOrEqual(1n);
  const { auditEntries } = await audit.listAuditEntries({ action: "act.2" });
  expect(auditEntries[0]).toMatchObject({ actor: { id: "erased" }, seal: { sequence: 2n, salt: "" } });
});
