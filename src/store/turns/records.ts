// Turns that are kept as records: their entries and notes, and how they go, with the conversations that were made for
// them.
import type { Interrupt } from "../../domain/cancellation.ts";
import { EventType } from "../../domain/event-type.ts";
import { systemCaller } from "../../domain/identity/caller.ts";
import { appendToLog, markConversationDeleted } from "../conversations/conversations.ts";
import { lockConversation } from "../conversations/statements.ts";
import type { Database, Queryable } from "../database.ts";
import { unnameFiles } from "../files/erasure.ts";
import { freeClientIds } from "../messages/client-ids.ts";
import { applyDiff, type MessageRow } from "../messages/messages.ts";
import type { TurnRow } from "./columns.ts";
import * as sql from "./record-statements.ts";
import type { TurnPlace } from "./turns.ts";

/** What the caller noted with a turn. */
export async function readNote(on: Queryable, tenantId: string, id: string, signal?: Interrupt): Promise<string> {
  return (await on.query(sql.turnNote, [tenantId, id], signal))[0]?.note ?? "";
}

/** A turn of a locked conversation that the caller may see. */
export async function readTurn(tx: Queryable, tenantId: string, id: string): Promise<TurnRow | undefined> {
  return (await tx.query(sql.readTurn, [tenantId, id]))[0];
}

/**
 * The entries that a turn replied to, or those that it added, after a number of the log; deleted ones too. Of those it
 * replied to, the ones that it brought; if it brought none, the one that was there before.
 */
export async function recordedEntries(
  on: Queryable,
  tenantId: string,
  row: TurnRow,
  of: "input" | "output",
  after: bigint | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<MessageRow[]> {
  const { id, conversation_id: conversationId, message_seq: last, input_seq: first, first_seq, last_seq } = row;
  const input = first === null || first > last ? last : first;
  const [from, upto] = of === "input" ? [input, last] : [first_seq, last_seq];
  if (from === null || upto === null) return [];
  const place = [tenantId, conversationId, of === "input" ? null : id];
  return on.query(sql.recordedEntries, [...place, after ?? from - 1n, upto, limit], signal);
}

/**
 * Deletes what a failed turn replied to and added to the log. Its conversation must be locked. Client ids and files are
 * free for what is sent again: files that nothing else names are as before a message named them.
 */
export async function discardEntries(tx: Queryable, { tenantId, conversationId, id }: TurnPlace): Promise<void> {
  const entries = await tx.query(sql.ownEntries, [tenantId, id]);
  const diff = { unchanged: 0, edits: [], deletions: entries, additions: [] };
  const caller = systemCaller(tenantId, "server");
  await applyDiff(tx, caller, conversationId, diff);
  const clientIds = entries.flatMap(({ client_id }) => client_id ?? []);
  if (clientIds.length > 0) await freeClientIds(tx, caller, conversationId, clientIds);
  const seqs = entries.map(({ seq }) => seq);
  if (seqs.length > 0) await unnameFiles(tx, tenantId, conversationId, seqs);
}

export async function markUnlisted(tx: Queryable, tenantId: string, conversationId: string): Promise<void> {
  await tx.query(sql.markUnlisted, [tenantId, conversationId]);
}

export async function isUnlisted(tx: Queryable, tenantId: string, conversationId: string): Promise<boolean> {
  return (await tx.query(sql.isUnlisted, [tenantId, conversationId])).length > 0;
}

/**
 * Deletes the record of a turn that has ended, and the conversations that were made for turns of which none is left.
 *
 * @param purgeAfterDays when these are purged; default: never
 */
export async function deleteTurn(database: Database, place: TurnPlace, purgeAfterDays?: number): Promise<void> {
  const { tenantId } = place;
  const [deleted] = await database.query(sql.deleteTurn, [tenantId, place.id]);
  for (let at = deleted; at !== undefined; ) {
    const { conversation_id: id, previous_id: previous } = at;
    await database.transaction(undefined, (tx) => deleteAbandoned(tx, tenantId, id, purgeAfterDays), {
      conversation: { tenantId, id },
    });
    // Where the turn before it is in another conversation, this may have been what kept that one.
    [at] = previous === null ? [] : await database.query(sql.placeOfTurn, [tenantId, previous]);
    while (at !== undefined && at.conversation_id === id) {
      [at] = at.previous_id === null ? [] : await database.query(sql.placeOfTurn, [tenantId, at.previous_id]);
    }
  }
}

async function deleteAbandoned(tx: Queryable, tenantId: string, id: string, purgeAfterDays: number | undefined) {
  const caller = systemCaller(tenantId, "server");
  await tx.query(lockConversation.tenant, [tenantId, null, id]);
  if ((await tx.query(sql.isAbandoned, [tenantId, id])).length === 0) return;
  await markConversationDeleted(tx, caller, id, true, purgeAfterDays);
  const event = { type: EventType.CONVERSATION_DELETED, data: {} };
  await appendToLog(tx, caller, id, [event], { changesConversation: true });
}

/** Deletes the records of ephemeral turns that are due, some at a time. Returns how many there were. */
export async function deleteDueTurns(
  database: Database,
  tenantId: string,
  purgeAfterDays: number | undefined,
  signal: Interrupt,
): Promise<number> {
  const due = await database.query(sql.dueTurns, [tenantId], signal);
  for (const { id, conversation_id: conversationId } of due) {
    await deleteTurn(database, { tenantId, conversationId, id }, purgeAfterDays);
  }
  return due.length;
}
