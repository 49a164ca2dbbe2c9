// Writes the data of an import.
import type { WritableColumn } from "../conversations/conversations.ts";
import { indexLabels } from "../conversations/label-statements.ts";
import type { Queryable } from "../database.ts";
import type { MessageRow } from "../messages/columns.ts";
import type { EventRow, KeptRevisionRow, PartRow } from "./export-statements.ts";
import * as sql from "./import-statements.ts";

export { FIRST_PLACE } from "../conversations/participant-statements.ts";
export type { ThereRow } from "./import-statements.ts";

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
  const rows = await tx.query(sql.importConversations, [tenantId, JSON.stringify([...first.values()].map(rowOf))]);
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
  await tx.query(sql.countOnFrom, [tenantId, numbers.reduce((most, number) => (number > most ? number : most))]);
  await tx.query(sql.numberImported, [tenantId, [...ids.values()], numbers]);
}

function rowOf({ id, creator, values, version, participants, ...times }: ImportedConversation) {
  return {
    id,
    creator,
    ...values,
    participant_count: participants.length,
    version,
    create_time: times.createTime,
    update_time: times.updateTime,
    delete_time: times.deleteTime,
    purge_time: times.purgeTime,
  } satisfies sql.ImportedConversationRow;
}

/** Creates missing members. */
export async function addMembers(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.query(sql.importMembers, [tenantId, [...ids].sort()]);
}

/** A revision, by the id of its message. */
export interface ImportedRevision extends Omit<KeptRevisionRow, "seq" | "role" | "client_time"> {
  readonly messageId: string;
}

/** Adds missing revisions. Returns their number. */
export async function addRevisions(
  tx: Queryable,
  tenantId: string,
  revisions: readonly ImportedRevision[],
): Promise<number> {
  if (revisions.length === 0) return 0;
  const rows = await tx.query(sql.importRevisions, [
    tenantId,
    revisions.map((revision) => revision.messageId),
    revisions.map((revision) => revision.revision),
    revisions.map((revision) => revision.content),
    revisions.map((revision) => jsonOf(revision.metadata)),
    revisions.map((revision) => revision.create_time),
    revisions.map((revision) => revision.editor),
  ]);
  return rows.length;
}

/** Locks conversations, and returns the last numbers of the logs of those that exist. */
export async function lockLogs(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await tx.query(sql.lockImported, [tenantId, ids]);
  return new Map(rows.map(({ id, last_seq }) => [id, last_seq]));
}

/** Existing messages, by id. */
export async function messagesThere(
  tx: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, sql.ThereRow>> {
  const rows = ids.length === 0 ? [] : await tx.query(sql.existingMessages, [tenantId, ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** A parsed entry. `seq` is the requested one, or 0. */
export type ImportedItem =
  | {
      readonly kind: "message";
      readonly row: MessageRow;
      readonly revisions: readonly ImportedRevision[];
    }
  | { readonly kind: "event"; readonly conversationId: string; readonly row: EventRow };

/** An entry with its assigned number. */
export interface PlacedItem<Item extends ImportedItem = ImportedItem> {
  readonly item: Item;
  readonly seq: bigint;
}

type PlacedMessage = PlacedItem<Extract<ImportedItem, { kind: "message" }>>;
type PlacedEvent = PlacedItem<Extract<ImportedItem, { kind: "event" }>>;

/** Adds entries with assigned numbers to locked logs. */
export async function addEntries(tx: Queryable, tenantId: string, placed: readonly PlacedItem[]): Promise<void> {
  const messages = placed.filter((one): one is PlacedMessage => one.item.kind === "message");
  const events = placed.filter((one): one is PlacedEvent => one.item.kind === "event");
  if (messages.length > 0) await addMessages(tx, tenantId, messages);
  await addRevisions(
    tx,
    tenantId,
    messages.flatMap(({ item }) => item.revisions),
  );
  if (events.length > 0) {
    await tx.query(sql.importEvents, [
      tenantId,
      events.map(({ item }) => item.conversationId),
      events.map(({ seq }) => seq),
      events.map(({ item }) => item.row.type),
      events.map(({ item }) => item.row.actor),
      events.map(({ item }) => item.row.create_time),
      events.map(({ item }) => JSON.stringify(item.row.data)),
    ]);
  }
  if (placed.length > 0) await growLogs(tx, tenantId, placed);
}

async function addMessages(tx: Queryable, tenantId: string, placed: readonly PlacedMessage[]): Promise<void> {
  const rows = placed.map(({ item }) => item.row);
  await tx.query(sql.importMessages, [
    tenantId,
    rows.map((row) => row.conversation_id),
    placed.map(({ seq }) => seq),
    rows.map((row) => row.id),
    rows.map((row) => row.role),
    rows.map((row) => row.sender),
    rows.map((row) => row.content),
    rows.map((row) => jsonOf(row.metadata)),
    rows.map((row) => row.state),
    rows.map((row) => row.client_time),
    rows.map((row) => row.create_time),
    rows.map((row) => row.edit_time),
    rows.map((row) => row.delete_time),
    rows.map((row) => row.revision),
    rows.map((row) => row.version),
  ]);
}

async function growLogs(tx: Queryable, tenantId: string, placed: readonly PlacedItem[]): Promise<void> {
  const logs = new Map<string, { seq: bigint; messages: number; messageTime: Date | null; time: Date }>();
  for (const { item, seq } of placed) {
    const id = item.kind === "message" ? item.row.conversation_id : item.conversationId;
    const { create_time: time } = item.row;
    const log = logs.get(id) ?? { seq, messages: 0, messageTime: null, time };
    log.seq = seq;
    if (time > log.time) log.time = time;
    if (item.kind === "message") {
      if (item.row.delete_time === null) log.messages++;
      if (log.messageTime === null || time > log.messageTime) log.messageTime = time;
    }
    logs.set(id, log);
  }
  const grown = [...logs.values()];
  await tx.query(sql.growImported, [
    tenantId,
    [...logs.keys()],
    grown.map(({ seq }) => seq),
    grown.map(({ messages }) => messages),
    grown.map(({ messageTime }) => messageTime),
    grown.map(({ time }) => time),
  ]);
}

function jsonOf(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
