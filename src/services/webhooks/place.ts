// Where an endpoint begins, and where a replay does.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { WebhookPlace } from "../../../gen/colloquy/v1/webhook_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { type FeedCursor, MAX_SEQ } from "../../live/followers/follow-feed.ts";
import type { Transaction } from "../../store/database.ts";
import { advanceFeedWithin, FEED_DAYS, feedBounds } from "../../store/feed/feed.ts";
import { beginReplay, type EndpointWithProgress, moveCursor, type StartPlace } from "../../store/webhooks/endpoints.ts";
import { parseCursor } from "../events/cursor.ts";

/** Where a new endpoint begins: without a place, after the last commit. Throws INVALID_FIELD. */
export async function startOf(tx: Transaction, tenantId: string, place: WebhookPlace | undefined): Promise<StartPlace> {
  const position = await advanceFeedWithin(tx, tenantId, undefined);
  const now = { position, seq: MAX_SEQ };
  switch (place?.place.case) {
    case "cursor":
      return { ...(await cursorOf(tx, tenantId, "start.cursor", place.place.value)), replay: false };
    case "time":
      return { ...now, replay: true, since: timestampDate(place.place.value) };
    case "beginning":
      return { ...now, replay: true };
    default:
      return { ...now, replay: false };
  }
}

/** Puts a locked endpoint back, and never forward. Throws INVALID_FIELD. */
export async function goBack(
  tx: Transaction,
  tenantId: string,
  row: EndpointWithProgress,
  { place }: WebhookPlace,
): Promise<void> {
  if (place.case === "cursor") {
    // Nothing is deleted from the feed until the transaction ends.
    await advanceFeedWithin(tx, tenantId, []);
    const { position, seq } = await cursorOf(tx, tenantId, "from.cursor", place.value);
    if (position > row.position || (position === row.position && seq > row.seq)) {
      const rule = "must not be after the endpoint's own cursor: nothing is skipped";
      throw invalidField("from.cursor", rule, "cursor.later");
    }
    return moveCursor(tx, tenantId, row.id, position, seq);
  }
  const since = place.case === "time" ? timestampDate(place.value) : undefined;
  // A replay that has not ended goes on from where it was to begin, if that is earlier.
  const earlier = row.replay_after !== null && (row.replay_time === null || (since && row.replay_time < since));
  return beginReplay(tx, tenantId, row.id, earlier ? (row.replay_time ?? undefined) : since);
}

async function cursorOf(tx: Transaction, tenantId: string, field: string, text: string): Promise<FeedCursor> {
  const cursor = parseCursor(text);
  const { position, trimmed } = await feedBounds(tx, tenantId);
  if (cursor.position > position || cursor.seq > MAX_SEQ) {
    throw invalidField(field, "must be a cursor that this tenant was given", "cursor.unknown");
  }
  if (cursor.position < trimmed || (cursor.position === trimmed && cursor.seq !== MAX_SEQ)) {
    const rule = `must not be older than ${FEED_DAYS} days; begin from a time or the beginning instead`;
    throw invalidField(field, rule, "cursor.expired");
  }
  return cursor;
}
