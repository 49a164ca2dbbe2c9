// What is stored encrypted, for a check whether a key opens it.
import type { Queryable, Statement } from "../database.ts";

export interface SealedRow {
  readonly tenant_id: string;
  readonly id: string;
  readonly kind: "agent" | "webhook";
  readonly sealed: Buffer;
}

/** Maximum of each kind; the newest are looked at, for older ones may wait to be rotated. */
const MAX_EACH = 1_000;

const sealedStatement: Statement<SealedRow> = {
  name: "sealed_list",
  text: `
  (select n.id as tenant_id, a.id, 'agent' as kind, a.credential as sealed
   from tenant n join agent a on a.tenant_id = n.id
   where a.credential is not null order by a.id desc limit ${MAX_EACH})
  union all
  (select n.id, e.id, 'webhook', e.secret
   from tenant n join webhook_endpoint e on e.tenant_id = n.id
   order by e.id desc limit ${MAX_EACH})`,
};

/** The credentials of agents and the secrets of webhook endpoints of all tenants. */
export function readSealed(on: Queryable): Promise<SealedRow[]> {
  return on.query(sealedStatement, []);
}
