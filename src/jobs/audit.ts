// Seals entries of the audit logs of all tenants, soon after they were made.
import { Rounds } from "../domain/rounds.ts";
import { sealAudit, tenantsToSeal } from "../store/audit/chain.ts";
import type { Database } from "../store/database.ts";

/** Until then an entry can be changed without a trace. */
const SEAL_EVERY_MS = 5_000;

export function createAuditSealer(database: Database, onError: (error: unknown) => void): Rounds {
  const round = async (signal: AbortSignal) => {
    for (const tenantId of await tenantsToSeal(database, signal)) {
      // A chain that somebody has tampered with must not keep the others from being sealed.
      await sealAudit(database, tenantId, signal).catch((error: unknown) => {
        if (!signal.aborted) onError(new Error(`the audit log of tenant ${tenantId} was not sealed`, { cause: error }));
      });
    }
    return undefined;
  };
  return new Rounds({ round, everyMs: SEAL_EVERY_MS, onError });
}
