// Sends one event to an endpoint because somebody asked for a test.
import { EventType } from "../domain/event-type.ts";
import { systemCaller } from "../domain/identity/caller.ts";
import { noticeEntry } from "../store/feed/feed.ts";
import type { AttemptRow } from "../store/webhooks/attempts.ts";
import type { EndpointRow } from "../store/webhooks/endpoints.ts";
import { attemptOf, parcelOf } from "./delivery/parcel.ts";
import { type Encode, readEntry } from "./reading/entry.ts";
import type { Sink } from "./sinks/sink.ts";

/** Rejects only if `signal` aborts. */
export async function testEndpoint(
  encode: Encode,
  sink: Sink,
  tenantId: string,
  endpoint: EndpointRow,
  signal: AbortSignal,
): Promise<AttemptRow> {
  const { actor } = systemCaller(tenantId, "server");
  const notice = { type: EventType.ENDPOINT_TEST, actor, data: { endpoint_id: endpoint.id } };
  const entry = readEntry(encode, "", noticeEntry(notice, new Date()), undefined);
  const parcel = parcelOf([entry], endpoint.batch_size > 1);
  const began = Date.now();
  return attemptOf(endpoint.id, parcel, entry, began, await sink.send(parcel, signal), null);
}
