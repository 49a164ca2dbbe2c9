// Writes the audit log: one row for each audited change, in the transaction of its effect.
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import type { Queryable, Statement } from "../database.ts";

/** $1 tenant, $2 id, $3 actor, $4 action, $5 resource type, $6 resource id, $7 request id, $8 address, $9 details. */
const insertAudit: Statement = {
  name: "audit_insert",
  text: `
  insert into audit (tenant_id, id, actor, action, resource_type, resource_id, request_id, address, details)
  values ($1, $2::uuid, $3, $4, $5, $6, $7, $8, $9::jsonb)`,
};

/** An audited change: ids and numbers, never content or credentials. */
export interface AuditedAct {
  /** The action, such as `conversation.purge`. */
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** Where the call came from. */
export interface AuditOrigin {
  readonly requestId: string;
  readonly address: string;
}

/** Returns the id of the entry. */
export async function audit(tx: Queryable, caller: Caller, origin: AuditOrigin, act: AuditedAct): Promise<string> {
  const id = newId();
  await tx.query(insertAudit, [
    caller.tenantId,
    id,
    caller.name,
    act.action,
    act.resourceType,
    act.resourceId,
    origin.requestId,
    origin.address,
    act.details === undefined ? null : JSON.stringify(act.details),
  ]);
  return id;
}
