// Empties what endpoints of webhooks have responded, which may repeat what they were sent and is erased here.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable } from "../database.ts";
import { emptyAttempts } from "./tenant-statements.ts";

const PIECE = 500;

/** Of all endpoints of a tenant: a request may hold events of several conversations. */
export async function emptyEndpointResponses(on: Queryable, tenantId: string, signal?: Interrupt): Promise<void> {
  for (let count = 1; count > 0; ) {
    const [row] = await on.query(emptyAttempts, [tenantId, PIECE], signal);
    count = Number(row?.count ?? 0n);
  }
}
