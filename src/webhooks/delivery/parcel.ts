// The events of one request, and its id.
import { createHash } from "node:crypto";
import { newId } from "../../domain/ids/id.ts";
import type { NewAttempt } from "../../store/webhooks/attempts.ts";
import type { ReadEntry } from "../reading/entry.ts";
import type { Parcel, SinkResult } from "../sinks/sink.ts";

/** The id of a batch follows from those of its events: the same batch has the same id in every attempt. */
export function parcelOf(events: readonly ReadEntry[], batch: boolean): Parcel {
  const ids = events.map(({ id }) => id);
  if (!batch) return { id: ids[0] ?? "", events, batch };
  return { id: `batch-${createHash("sha256").update(ids.join("\n")).digest("hex").slice(0, 32)}`, events, batch };
}

/** What is kept of an attempt for people to look at. */
export function attemptOf(
  endpointId: string,
  parcel: Parcel,
  first: ReadEntry,
  began: number,
  result: SinkResult,
  nextAttempt: Date | null,
): NewAttempt {
  const { conversationId, seq } = first;
  return {
    endpoint_id: endpointId,
    id: newId(),
    webhook_id: parcel.id,
    outcome: result.outcome,
    status: result.status,
    duration_ms: Date.now() - began,
    error: result.error,
    response_body: result.responseBody,
    event_count: parcel.events.length,
    conversation_id: conversationId === "" ? null : conversationId,
    seq: conversationId === "" ? null : seq,
    next_attempt_time: result.error === "" ? null : nextAttempt,
    create_time: new Date(began),
  };
}
