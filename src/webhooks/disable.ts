// Disables an endpoint: its state, an audit entry, and a notice to the tenant's other endpoints in one transaction.
import { WebhookState } from "../../gen/colloquy/v1/webhook_pb.ts";
import { EventType } from "../domain/event-type.ts";
import { systemCaller } from "../domain/identity/caller.ts";
import { audit } from "../store/audit/audit.ts";
import type { Database } from "../store/database.ts";
import { addNotice } from "../store/feed/notices.ts";
import { lockEndpoint, releaseEndpoint, setState } from "../store/webhooks/endpoints.ts";

/** The audit entry has no request. */
const ORIGIN = { requestId: "", address: "" };

/** False: it was changed, or another server delivers. */
export function disableEndpoint(
  database: Database,
  tenantId: string,
  id: string,
  epoch: number,
  reason: string,
): Promise<boolean> {
  const caller = systemCaller(tenantId, "server");
  return database.transaction(undefined, async (tx) => {
    const row = await lockEndpoint(tx, tenantId, id);
    if (row === undefined || row.epoch !== epoch || row.state !== WebhookState.ACTIVE) return false;
    await setState(tx, tenantId, id, WebhookState.DISABLED, reason);
    await releaseEndpoint(tx, tenantId, id);
    const act = { action: "webhook_endpoint.disable", resourceType: "webhook_endpoint", resourceId: id };
    await audit(tx, caller, ORIGIN, { ...act, details: { reason } });
    const { actor } = caller;
    await addNotice(tx, tenantId, { type: EventType.ENDPOINT_DISABLED, actor, data: { endpoint_id: id, reason } });
    return true;
  });
}
