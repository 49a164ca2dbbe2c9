// Tenants whose audit log is a chain of a known length, and what statements that falsify it are made of.
import { AuditService } from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { systemCaller } from "../../../src/domain/identity/caller.ts";
import { audit as addEntry } from "../../../src/store/audit/audit.ts";
import { sealAudit } from "../../../src/store/audit/chain.ts";
import type { IdentityServer } from "../servers/identity-server.ts";

export const at = (seq: number) => `tenant_id = $1 and chain_seq = ${seq}`;
export const COLUMNS =
  "actor, action, resource_type, resource_id, request_id, address, chain_salt, chain_digest, chain_hash";

/** A tenant whose chain has so many entries, `act.1`, `act.2` and so on, each by a member of its own. */
export async function chainOf(server: IdentityServer, count: number) {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const { database } = server;
  const caller = systemCaller(tenant.id, "server");
  const add = (number: number) =>
    addEntry(
      database,
      { ...caller, name: `member:m${number}` },
      { requestId: "", address: "::1" },
      {
        ...{ action: `act.${number}`, resourceType: "thing", resourceId: 'ä\u2028"' },
        details: { fields: ["one", "two"], count: number },
      },
    );
  await sealAudit(database, tenant.id);
  for (let number = 1; number <= count; number++) {
    await add(number);
    await sealAudit(database, tenant.id);
  }
  let name = 0;
  const sql = (text: string) => database.query({ name: `test_audit_${tenant.id}_${name++}`, text }, [tenant.id]);
  return { tenant, credential, add, sql, audit: server.client(AuditService, credential) };
}
