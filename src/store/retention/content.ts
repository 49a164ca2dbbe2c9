// Erases what was said in a conversation, a piece at a time, and leaves its skeleton: who took part, who said something
// when, how it was counted. src/jobs/retention.ts decides in which.
import { EventType, type NewEvent } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { appendToLog, lockConversation } from "../conversations/conversations.ts";
import type { Transaction } from "../database.ts";
import { eraseEntries } from "../erasure/entries.ts";
import { requireFreeSince } from "../legal-holds/legal-holds.ts";
import { touchConversations } from "../log/statements.ts";
import * as sql from "./content-statements.ts";

/** What is erased of a conversation. */
export interface Extent {
  readonly id: string;
  /** The end of its log when this began: what is written later is younger than the policy's age. */
  readonly lastSeq: bigint;
  /** What `checkFree` gave for it. */
  readonly holds: string;
}

/** Notes on a locked conversation that its content is being erased. Returns the end of its log. */
export async function beginContentErasure(tx: Transaction, tenantId: string, id: string): Promise<bigint> {
  return (await tx.query(sql.beginContentErasure, [tenantId, id]))[0]?.last_seq ?? 0n;
}

/**
 * Empties the next entries after `after`, at most `limit`. Throws HELD if a legal hold covers the conversation, which
 * is locked first.
 *
 * @returns the last of these entries; undefined: there are no more
 */
export async function eraseContentPiece(
  tx: Transaction,
  server: Caller,
  { id, lastSeq, holds }: Extent,
  after: bigint,
  limit: number,
): Promise<bigint | undefined> {
  const { tenantId } = server;
  if ((await lockConversation(tx, server, id)) === undefined) return undefined;
  await requireFreeSince(tx, tenantId, id, holds);
  const entries = await tx.query(sql.nextContent, [tenantId, id, after, lastSeq, limit]);
  if (entries.length === 0) return undefined;
  await tx.query(touchConversations, [tenantId, [id]]);
  await eraseEntries(tx, server, id, entries);
  return entries.at(-1)?.seq;
}

/**
 * Empties what is beside the entries of the log: the conversation's own words, what was not sent yet, what turns and
 * stored responses hold. False: the conversation is gone. Throws HELD.
 */
export async function endContentErasure(
  tx: Transaction,
  server: Caller,
  { id, lastSeq, holds }: Extent,
): Promise<boolean> {
  const { tenantId } = server;
  if ((await lockConversation(tx, server, id)) === undefined) return false;
  await requireFreeSince(tx, tenantId, id, holds);
  const place = [tenantId, id];
  await tx.query(sql.emptyBeside, place);
  const [row] = await tx.query(sql.emptyConversation, place);
  if (row !== undefined) {
    const event: NewEvent = { type: EventType.CONVERSATION_UPDATED, data: { fields: row.fields } };
    await appendToLog(tx, server, id, [event], { changesConversation: true });
  }
  await tx.query(touchConversations, [tenantId, [id]]);
  await tx.query(sql.endContentErasure, [...place, lastSeq]);
  return true;
}
