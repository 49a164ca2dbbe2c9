// Writes the conversations, participants and members of an import.
import type { WritableColumn } from "../conversations/conversations.ts";
import { indexLabels } from "../conversations/label-statements.ts";
import type { Queryable } from "../database.ts";
import type { PartRow } from "./export-statements.ts";
import * as sql from "./import-statements.ts";

export { FIRST_PLACE } from "../conversations/participant-statements.ts";

export interface ImportedConversation {
  readonly id: string;
  readonly creator: string;
  readonly values: Readonly<Record<WritableColumn, unknown>>;
  /** The conversation's number for people, or null. */
  readonly number: bigint | null;
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
  readonly deleteTime: Date | null;
  readonly purgeTime: Date | null;
  readonly clientId: string | null;
  readonly origin: { readonly id: string; readonly seq: bigint } | null;
  /** Whether lists leave it out. */
  readonly unlisted: boolean;
  /** Distinct members. {@link addParts} adds them; the conversation's count includes them. */
  readonly participants: readonly PartRow[];
}

/** An imported participant. */
export interface ImportedPart extends PartRow {
  readonly conversationId: string;
}

/**
 * Adds missing conversations; existing ones stay unchanged. Returns the ids of the added ones.
 */
export async function addConversations(
  tx: Queryable,
  tenantId: string,
  items: readonly ImportedConversation[],
): Promise<ReadonlySet<string>> {
  if (items.length === 0) return new Set();
  // Of duplicates, the first counts.
  const first = new Map(items.toReversed().map((item) => [item.id, item]));
  const clientIds = new Set<string>();
  const values = [...first.values()].map((item) => {
    const row = rowOf(item);
    const taken = row.client_id !== null && clientIds.has(`${row.owner_id}/${row.client_id}`);
    clientIds.add(`${row.owner_id}/${row.client_id}`);
    return taken ? { ...row, client_id: null } : row;
  });
  const rows = await tx.query(sql.importConversations, [tenantId, JSON.stringify(values)]);
  const labelled = rows.filter(({ id }) => first.get(id)?.values.labels !== null).map(({ id }) => id);
  if (labelled.length > 0) await indexLabels(tx, tenantId, labelled);
  return new Set(rows.map(({ id }) => id));
}

/** Adds missing participants; existing ones stay unchanged. Returns how many were added to each conversation. */
export async function addParts(
  tx: Queryable,
  tenantId: string,
  parts: readonly ImportedPart[],
): Promise<ReadonlyMap<string, number>> {
  const joined = new Map<string, number>();
  if (parts.length === 0) return joined;
  const rows = await tx.query(sql.importParticipants, [
    tenantId,
    parts.map((part) => part.conversationId),
    parts.map((part) => part.member_id),
    parts.map((part) => part.join_seq),
    parts.map((part) => part.join_time),
    parts.map((part) => part.read_seq),
  ]);
  for (const { conversation_id: id } of rows) joined.set(id, (joined.get(id) ?? 0) + 1);
  return joined;
}

/** Updates the participant count of conversations that existed before. */
export async function countParts(tx: Queryable, tenantId: string, joined: ReadonlyMap<string, number>): Promise<void> {
  if (joined.size === 0) return;
  await tx.query(sql.countImportedParticipants, [tenantId, [...joined.keys()], [...joined.values()]]);
}

/** Sets the join positions of participants, and moves their read marks forward. */
export async function markParts(tx: Queryable, tenantId: string, parts: readonly ImportedPart[]): Promise<void> {
  if (parts.length === 0) return;
  await tx.query(sql.markImported, [
    tenantId,
    parts.map((part) => part.conversationId),
    parts.map((part) => part.member_id),
    parts.map((part) => part.join_seq),
    parts.map((part) => part.read_seq),
  ]);
}

/**
 * Sets the numbers of added conversations, unless others have them, and raises the tenant's counter.
 */
export async function numberConversations(
  tx: Queryable,
  tenantId: string,
  items: readonly ImportedConversation[],
): Promise<void> {
  const ids = new Map<bigint, string>();
  for (const { id, number } of items) if (number !== null && !ids.has(number)) ids.set(number, id);
  if (ids.size === 0) return;
  const numbers = [...ids.keys()];
  // First, because it serializes numbering.
  await tx.query(sql.countOnFrom, [tenantId, numbers.reduce((max, number) => (number > max ? number : max))]);
  await tx.query(sql.numberImported, [tenantId, [...ids.values()], numbers]);
}

function rowOf({ id, creator, values, version, participants, ...times }: ImportedConversation) {
  return {
    id,
    creator,
    ...values,
    unlisted: times.unlisted,
    participant_count: participants.length,
    version,
    create_time: times.createTime,
    update_time: times.updateTime,
    delete_time: times.deleteTime,
    purge_time: times.purgeTime,
    client_id: times.clientId,
    origin_id: times.origin?.id ?? null,
    origin_seq: times.origin === null ? null : String(times.origin.seq),
  } satisfies sql.ImportedConversationRow;
}

/** Creates missing members. */
export async function addMembers(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.query(sql.importMembers, [tenantId, [...ids].sort()]);
}
