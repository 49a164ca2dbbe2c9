// The secret of each tenant, which encrypts its page tokens. All servers on the database share it.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Queryable, Statement } from "../database.ts";

/** $1 tenant. */
const readSecret: Statement<{ secret: Buffer }> = {
  name: "tenant_secret",
  text: "select t.secret from tenant t where t.id = $1",
};

/** Returns a tenant's secret. It never changes, so it is cached. */
export type TenantSecrets = (tenantId: string) => Promise<Uint8Array>;

/** Caches the secrets of at most `size` tenants; the oldest is evicted first. */
export function createTenantSecrets(on: Queryable, size = 10_000): TenantSecrets {
  const known = new Map<string, Uint8Array>();
  return async (tenantId) => {
    const cached = known.get(tenantId);
    if (cached) return cached;
    const [row] = await on.query(readSecret, [tenantId]);
    if (row === undefined)
      throw new DomainError(ErrorReason.CREDENTIAL_INVALID, "the credential's tenant no longer exists");
    for (const oldest of known.keys()) {
      if (known.size < size) break;
      known.delete(oldest);
    }
    known.set(tenantId, row.secret);
    return row.secret;
  };
}
