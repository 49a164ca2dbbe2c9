// Creates a tenant, for TenantService and the command line.
import { randomBytes } from "node:crypto";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { Queryable } from "../../store/database.ts";
import { addTenant, tenantOfSlug } from "../../store/directory/tenants.ts";

export interface TenantWish {
  readonly slug: string;
  readonly name: string;
}

/**
 * Adds a tenant, with its audit row. `made` false: the slug is taken, and `caller` is one in the tenant that has it.
 */
export async function makeTenant(
  tx: Queryable,
  { slug, name }: TenantWish,
  callerIn: (tenantId: string) => Caller,
  origin: AuditOrigin,
): Promise<{ readonly made: boolean; readonly caller: Caller }> {
  const id = newId();
  // The secret seals page tokens, as SHA-256 wants it: as long as its output.
  const made = await addTenant(tx, { id, slug, name, secret: randomBytes(32) });
  if (!made) return { made, caller: callerIn(await tenantOfSlug(tx, slug)) };
  const caller = callerIn(id);
  await audit(tx, caller, origin, {
    action: "tenant.create",
    resourceType: "tenant",
    resourceId: id,
    details: { slug },
  });
  return { made, caller };
}
