// The feed as lines of JSON, for the command line.
import { SubscribeResponseSchema } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { createJsonForm } from "../../codec/json/json-writer.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { createFeedTails } from "../../live/followers/feed-tail.ts";
import { followFeed } from "../../live/followers/follow-feed.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import { subscribeResponse } from "./subscribe.ts";

export interface TailOptions {
  /** A cursor. Default: from now on. */
  readonly from: string | undefined;
  /** Whether it goes on at the end. */
  readonly follow: boolean;
}

/** How long nothing has to come before the end is reached, in milliseconds; with `follow` it only matters to itself. */
const QUIET_MS = { end: 1, follow: 3_600_000 };

/**
 * Yields what Subscribe would send, a line each, without heartbeats; first the cursor alone, if none is given.
 * @throws DomainError INVALID_FIELD for a cursor that is too old or of no feed
 */
export async function* tailFeed(
  database: Database,
  hints: Hints,
  caller: Caller,
  { from, follow }: TailOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const form = createJsonForm({ alwaysEmitImplicit: true });
  const parts = { database, feeds: createFeedTails(database, hints) };
  const begin = from === undefined ? undefined : parseCursor(from);
  const quietMs = follow ? QUIET_MS.follow : QUIET_MS.end;
  let first = true;
  for await (const { item, cursor } of followFeed(parts, async () => caller, begin, quietMs, signal)) {
    if (item === undefined && !first && !follow) return;
    const shown = item !== undefined || (first && from === undefined);
    first = false;
    if (shown) yield form.stringify(form(SubscribeResponseSchema, subscribeResponse(item, formatCursor(cursor))));
  }
}
