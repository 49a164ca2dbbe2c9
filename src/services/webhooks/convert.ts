// Converts webhook endpoints and attempts to messages of the contract.
import { create } from "@bufbuild/protobuf";
import {
  type WebhookDelivery,
  WebhookDeliverySchema,
  type WebhookEndpoint,
  WebhookEndpointSchema,
  WebhookOrder,
} from "../../../gen/colloquy/v1/webhook_pb.ts";
import { durationOf } from "../../agents/connectors/duration.ts";
import type { AttemptRow } from "../../store/webhooks/attempts.ts";
import type { EndpointWithProgress } from "../../store/webhooks/endpoints.ts";
import { toTimestamp } from "../convert.ts";
import { formatCursor } from "../events/cursor.ts";

const time = (date: Date | null) => (date === null ? {} : toTimestamp(date));

/** Whether the secret before the present one signs too. */
export function isRotating({
  previous_secret_expire_time: time,
}: Pick<EndpointWithProgress, "previous_secret_expire_time">) {
  return time !== null && time.getTime() > Date.now();
}

export function toEndpoint(row: EndpointWithProgress): WebhookEndpoint {
  const { conversation_id, owner_id, agent, entity_type, mode } = row;
  const filtered = [conversation_id, owner_id, agent, entity_type, mode].some((value) => value !== null);
  const rotating = isRotating(row);
  return create(WebhookEndpointSchema, {
    id: row.id,
    description: row.description,
    target: { case: "url", value: row.url },
    headerNames: [...row.header_names],
    eventTypes: [...row.event_types],
    ...(filtered && {
      filter: {
        conversationId: conversation_id ?? "",
        ownerId: owner_id ?? "",
        agent: agent ?? "",
        entityType: entity_type ?? "",
        mode: mode ?? "",
      },
    }),
    order: row.ordered ? WebhookOrder.CONVERSATION : WebhookOrder.NONE,
    batchSize: row.batch_size,
    timeout: durationOf(row.timeout_ms),
    state: row.state,
    stateReason: row.state_reason,
    progress: {
      cursor: formatCursor(row),
      replaying: row.replay_after !== null,
      ...(row.last_success_time && { lastSuccessTime: time(row.last_success_time) }),
      ...(row.last_failure_time && { lastFailureTime: time(row.last_failure_time) }),
      ...(row.failing_since && { failingSince: time(row.failing_since) }),
      failures: row.failures,
      ...(row.next_attempt_time && { nextAttemptTime: time(row.next_attempt_time) }),
    },
    ...(rotating && { previousSecretExpireTime: time(row.previous_secret_expire_time) }),
    etag: String(row.version),
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
  });
}

export function toDelivery(row: AttemptRow): WebhookDelivery {
  return create(WebhookDeliverySchema, {
    id: row.id,
    webhookId: row.webhook_id,
    createTime: toTimestamp(row.create_time),
    outcome: row.outcome,
    status: row.status,
    duration: durationOf(row.duration_ms),
    error: row.error,
    responseBody: row.response_body,
    eventCount: row.event_count,
    conversationId: row.conversation_id ?? "",
    seq: row.seq ?? 0n,
    ...(row.next_attempt_time && { nextAttemptTime: time(row.next_attempt_time) }),
  });
}
