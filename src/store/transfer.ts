// Reads everything of a conversation for an export, and adds what an import brings.
import type { WritableColumn } from "./conversations.ts";
import type { Queryable } from "./database.ts";
import type { MessageRow } from "./statements/message-columns.ts";
import * as sql from "./statements/transfer.ts";

export type { EventRow, KeptRevisionRow, PartRow } from "./statements/transfer.ts";

/** Of a log so many entries of each kind are read at once. */
const PAGE = 200;

export function exportParticipants(on: Queryable, tenantId: string, conversationId: string): Promise<sql.PartRow[]> {
  return on.query(sql.exportParticipants, [tenantId, conversationId]);
}

export type LogItem =
  | { readonly kind: "message"; readonly row: MessageRow; readonly revisions: readonly sql.KeptRevisionRow[] }
  | { readonly kind: "event"; readonly row: sql.EventRow };

/** The whole log of a conversation in order, a page at a time. */
export async function* exportLog(on: Queryable, tenantId: string, conversationId: string): AsyncIterable<LogItem> {
  const messages = paged((after) => on.query(sql.exportMessages, [tenantId, conversationId, after, PAGE]));
  const events = paged((after) => on.query(sql.exportEvents, [tenantId, conversationId, after, PAGE]));
  let message = await messages.next();
  let event = await events.next();
  while (!message.done || !event.done) {
    if (!message.done && (event.done || message.value.seq < event.value.seq)) {
      const row = message.value;
      const revisions =
        row.revision === 0 ? [] : await on.query(sql.exportRevisions, [tenantId, conversationId, [row.seq]]);
      yield { kind: "message", row, revisions };
      message = await messages.next();
    } else if (!event.done) {
      yield { kind: "event", row: event.value };
      event = await events.next();
    }
  }
}

async function* paged<Row extends { readonly seq: bigint }>(
  read: (after: bigint) => Promise<Row[]>,
): AsyncGenerator<Row, undefined> {
  for (let after = 0n; ; ) {
    const rows = await read(after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return undefined;
    after = last.seq;
  }
}

export interface ImportedConversation {
  readonly id: string;
  readonly creator: string;
  readonly values: Readonly<Record<WritableColumn, unknown>>;
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
  readonly deleteTime: Date | null;
  readonly purgeTime: Date | null;
  readonly participants: readonly sql.PartRow[];
}

/** Adds the conversations that are not there; those that are stay as they are. Answers the ids of those that were added. */
export async function addConversations(
  tx: Queryable,
  tenantId: string,
  items: readonly ImportedConversation[],
): Promise<ReadonlySet<string>> {
  if (items.length === 0) return new Set();
  // Of one that comes twice the first counts.
  const first = new Map(items.toReversed().map((item) => [item.id, item]));
  const rows = await tx.query(sql.importConversations, [tenantId, JSON.stringify([...first.values()].map(rowOf))]);
  const added = new Set(rows.map(({ id }) => id));
  const parts = [...first.values()].flatMap(({ id, participants }) =>
    added.has(id) ? participants.map((part) => ({ ...part, id })) : [],
  );
  if (parts.length > 0) {
    await tx.query(sql.importParticipants, [
      tenantId,
      parts.map(({ id }) => id),
      parts.map((part) => part.member_id),
      parts.map((part) => part.join_seq),
      parts.map((part) => part.join_time),
      parts.map((part) => part.read_seq),
    ]);
  }
  return added;
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

/** Makes the members that the tenant does not have. */
export async function addMembers(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.query(sql.importMembers, [tenantId, [...ids].sort()]);
}

/** Locks conversations, and answers how long the logs of those that exist are. */
export async function lockLogs(tx: Queryable, tenantId: string, ids: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await tx.query(sql.lockImported, [tenantId, ids]);
  return new Map(rows.map(({ id, last_seq }) => [id, last_seq]));
}

/** The conversations of messages that are there already, by their ids. */
export async function placesOfMessages(
  tx: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const rows = ids.length === 0 ? [] : await tx.query(sql.existingMessages, [tenantId, ids]);
  return new Map(rows.map((row) => [row.id, row.conversation_id]));
}

/** An entry as it was read. Its `seq` is the one that is asked for, or 0. */
export type ImportedItem =
  | {
      readonly kind: "message";
      readonly row: MessageRow;
      readonly revisions: readonly sql.KeptRevisionRow[];
    }
  | { readonly kind: "event"; readonly conversationId: string; readonly row: sql.EventRow };

/** An entry and the place in its log that it gets. */
export interface PlacedItem<Item extends ImportedItem = ImportedItem> {
  readonly item: Item;
  readonly seq: bigint;
}

type PlacedMessage = PlacedItem<Extract<ImportedItem, { kind: "message" }>>;
type PlacedEvent = PlacedItem<Extract<ImportedItem, { kind: "event" }>>;

/** Adds entries whose places are known to locked logs. */
export async function addEntries(tx: Queryable, tenantId: string, placed: readonly PlacedItem[]): Promise<void> {
  const messages = placed.filter((one): one is PlacedMessage => one.item.kind === "message");
  const events = placed.filter((one): one is PlacedEvent => one.item.kind === "event");
  if (messages.length > 0) await addMessages(tx, tenantId, messages);
  const revisions = messages.flatMap(({ item, seq }) =>
    item.revisions.map((revision) => ({ ...revision, seq, conversation_id: item.row.conversation_id })),
  );
  if (revisions.length > 0) {
    await tx.query(sql.importRevisions, [
      tenantId,
      revisions.map((revision) => revision.conversation_id),
      revisions.map((revision) => revision.seq),
      revisions.map((revision) => revision.revision),
      revisions.map((revision) => revision.role),
      revisions.map((revision) => revision.content),
      revisions.map((revision) => jsonOf(revision.metadata)),
      revisions.map((revision) => revision.client_time),
      revisions.map((revision) => revision.create_time),
      revisions.map((revision) => revision.editor),
    ]);
  }
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
