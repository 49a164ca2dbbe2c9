// Reads entries again that were read too long ago to be sent.
import type { ReadEntry, Wants } from "../reading/entry.ts";
import { type LogReader, MAX_AGE_MS } from "../reading/log-reader.ts";
import type { Item, Window } from "./window.ts";

/**
 * What items have to send, as it was within the last second. Nothing of those that are gone or that the endpoint does
 * not get any more. Rejects with an error of the database.
 */
export async function refresh(
  window: Window,
  items: readonly Item[],
  reader: LogReader,
  wants: Wants,
): Promise<readonly ReadEntry[]> {
  const oldest = performance.now() - MAX_AGE_MS;
  await Promise.all(
    items.map(async (item) => {
      const { entry } = item;
      if (entry === undefined || entry.readAt > oldest || !entry.rereadable) return;
      const range = { conversationId: entry.conversationId, after: entry.seq - 1n, upto: entry.seq };
      const [again] = (await reader.read(range, "needy")).entries;
      window.replace(item, again !== undefined && wants(again) ? again : undefined);
    }),
  );
  return items.flatMap(({ entry }) => entry ?? []);
}
