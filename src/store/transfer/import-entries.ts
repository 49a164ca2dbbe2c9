// Writes the log entries of an import, and the revisions of its messages.
import { isActivity } from "../../domain/event-type.ts";
import type { Queryable } from "../database.ts";
import type { MessageRow } from "../messages/columns.ts";
import { importReferences } from "../replies/statements.ts";
import type { EventRow, KeptRevisionRow } from "./export-statements.ts";
import * as sql from "./import-statements.ts";

export type { ThereRow } from "./import-statements.ts";

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
    revisions.map((revision) => revision.parts),
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
    rows.map((row) => row.kind),
    rows.map((row) => row.parts),
    distinctClientIds(rows),
    rows.map((row) => row.turn_id),
    rows.map((row) => row.step),
    rows.map((row) => row.parent_id),
    rows.map((row) => row.reply_to),
    rows.map((row) => jsonOf(row.mentions)),
    rows.map((row) => row.sender_name),
  ]);
}

/** The client ids; of several messages of a conversation with the same one only the first has it. */
function distinctClientIds(rows: readonly MessageRow[]): (string | null)[] {
  const seen = new Set<string>();
  return rows.map(({ conversation_id, client_id }) => {
    const key = `${conversation_id}/${client_id}`;
    if (client_id === null || seen.has(key)) return null;
    seen.add(key);
    return client_id;
  });
}

/** Counts replies and notes mentions, where some came. */
export async function addReferences(tx: Queryable, tenantId: string, placed: readonly PlacedItem[]): Promise<void> {
  const naming = placed.filter(
    (one): one is PlacedMessage =>
      one.item.kind === "message" && (one.item.row.reply_to !== null || one.item.row.mentions !== null),
  );
  if (naming.length === 0) return;
  await tx.query(importReferences, [
    tenantId,
    naming.map(({ item }) => item.row.conversation_id),
    naming.map(({ seq }) => seq),
  ]);
}

interface GrownLog {
  seq: bigint;
  messages: number;
  /** The latest of the messages, of all activity, and of the rest. Null: there is none. */
  messageTime: Date | null;
  updateTime: Date | null;
  markTime: Date | null;
}

async function growLogs(tx: Queryable, tenantId: string, placed: readonly PlacedItem[]): Promise<void> {
  const logs = new Map<string, GrownLog>();
  for (const { item, seq } of placed) {
    const id = item.kind === "message" ? item.row.conversation_id : item.conversationId;
    const { create_time: time } = item.row;
    const log = logs.get(id) ?? { seq, messages: 0, messageTime: null, updateTime: null, markTime: null };
    log.seq = seq;
    const own = item.kind === "message" || isActivity(item.row.type, item.row.actor) ? "updateTime" : "markTime";
    log[own] = later(log[own], time);
    if (item.kind === "message" && item.row.kind === null) {
      if (item.row.delete_time === null) log.messages++;
      log.messageTime = later(log.messageTime, time);
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
    grown.map(({ updateTime }) => updateTime),
    grown.map(({ markTime }) => markTime),
  ]);
}

function later(time: Date | null, other: Date): Date {
  return time === null || other > time ? other : time;
}

function jsonOf(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
