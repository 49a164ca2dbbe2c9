// One transaction of an import: what is not there yet gets its place and is added.
import type { Caller } from "../domain/caller.ts";
import type { Database, Queryable } from "../store/database.ts";
import {
  addConversation,
  addEntries,
  addMembers,
  type ImportedItem,
  lockLogs,
  placesOfMessages,
} from "../store/transfer.ts";
import type { ImportLine } from "./import-lines.ts";

export interface BatchOutcome {
  readonly conversations: number;
  readonly messages: number;
  readonly events: number;
  /** What was there already. */
  readonly skipped: number;
  /** The lines that could not be added. */
  readonly errors: readonly { readonly line: number; readonly description: string }[];
}

/** Adds the lines in order. With `stop`, those after the first that cannot be added are left out. */
export function addBatch(
  database: Database,
  caller: Caller,
  lines: readonly ImportLine[],
  stop: boolean,
): Promise<BatchOutcome> {
  return database.transaction(undefined, async (tx) => {
    const { tenantId } = caller;
    const outcome = { conversations: 0, messages: 0, events: 0, skipped: 0 };
    const conversations = lines.filter((line) => line.kind === "conversation");
    const members = conversations.flatMap(({ item }) => [
      ...item.participants.map(({ member_id }) => member_id),
      ...(typeof item.values.owner_id === "string" ? [item.values.owner_id] : []),
    ]);
    await addMembers(tx, tenantId, [...new Set(members)]);
    for (const { item } of conversations) {
      if (await addConversation(tx, tenantId, item)) outcome.conversations++;
      else outcome.skipped++;
    }
    const placed = await place(tx, tenantId, lines, stop);
    await addEntries(tx, tenantId, placed.items);
    for (const { kind } of placed.items) {
      if (kind === "message") outcome.messages++;
      else outcome.events++;
    }
    return { ...outcome, skipped: outcome.skipped + placed.skipped, errors: placed.errors };
  });
}

/** Gives each entry that is not there yet its place in its log. */
async function place(tx: Queryable, tenantId: string, lines: readonly ImportLine[], stop: boolean) {
  const entries = lines.filter((line) => line.kind === "entry");
  const logs = await lockLogs(tx, tenantId, [...new Set(entries.map(({ conversationId }) => conversationId))]);
  const ids = entries.flatMap(({ item }) => (item.kind === "message" ? [item.row.id] : []));
  const there = new Map(await placesOfMessages(tx, tenantId, ids));
  const items: ImportedItem[] = [];
  const errors: { line: number; description: string }[] = [];
  let skipped = 0;
  for (const { number, conversationId, item } of entries) {
    const found = placeOf(item, conversationId, logs.get(conversationId), there);
    if (found === "there") skipped++;
    else if (typeof found === "string") {
      errors.push({ line: number, description: found });
      if (stop) break;
    } else {
      logs.set(conversationId, found);
      const placed = { ...item, row: { ...item.row, seq: found } } as ImportedItem;
      if (placed.kind === "message") there.set(placed.row.id, { conversation_id: conversationId, seq: found });
      items.push(placed);
    }
  }
  return { items, errors, skipped };
}

/** The place that an entry gets, "there" for one that has it, or what is wrong. */
function placeOf(
  item: ImportedItem,
  conversationId: string,
  last: bigint | undefined,
  there: ReadonlyMap<string, { readonly conversation_id: string }>,
): bigint | string {
  if (last === undefined) return "conversation_id: there is no such conversation";
  if (item.kind === "message") {
    const place = there.get(item.row.id);
    if (place) return place.conversation_id === conversationId ? "there" : "message.id: it is in another conversation";
  }
  const wanted = item.row.seq;
  if (wanted === 0n) return last + 1n;
  if (wanted > last + 1n) return `seq: ${last + 1n} is the next of this conversation`;
  if (wanted === last + 1n) return wanted;
  return item.kind === "event" ? "there" : "seq: another entry has this place";
}
