// Measures what endpoints have still to take.
import type { Database } from "../store/database.ts";
import { readBacklog } from "../store/webhooks/leases.ts";
import type { Backlog } from "../telemetry/webhook-metrics.ts";

/** The backlogs of endpoints; a tenant's are read by one statement. */
export async function measureBacklogs(
  database: Database,
  endpoints: readonly { readonly tenantId: string; readonly id: string }[],
): Promise<Backlog[]> {
  const byTenant = Map.groupBy(endpoints, ({ tenantId }) => tenantId);
  const all: Backlog[] = [];
  for (const [tenantId, own] of byTenant) {
    const rows = await readBacklog(
      database,
      tenantId,
      own.map(({ id }) => id),
    );
    const now = Date.now();
    for (const { endpoint_id: endpointId, entries, since } of rows) {
      all.push({
        endpointId,
        entries: Number(entries),
        seconds: since === null ? 0 : Math.max(now - since.getTime(), 0) / 1_000,
      });
    }
  }
  return all;
}
