// Reads and changes messages.

import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { EventType, type MessageReference, type NewEvent } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Viewer } from "../../domain/identity/visibility.ts";
import type { MessageDiff, StoredMessage } from "../../domain/messages/diff.ts";
import { appendToLog } from "../conversations/conversations.ts";
import type { Queryable } from "../database.ts";
import * as log from "../log/statements.ts";
import type { MessageRow } from "./columns.ts";
import { editRows, ONE_MESSAGE } from "./edits.ts";
import { appendMessages } from "./sends.ts";
import * as sql from "./statements.ts";

export type { LogRow } from "../log/statements.ts";
export type { MessageRow } from "./columns.ts";
export type { RevisionRow } from "./statements.ts";

/** One message, or undefined if the caller does not see it. One round trip. */
export async function readMessage(
  on: Queryable,
  caller: Caller,
  id: string,
  showDeleted = false,
  signal?: Interrupt,
): Promise<MessageRow | undefined> {
  const values = [caller.tenantId, caller.actor, id, showDeleted];
  return (await on.query(sql.getMessage[caller.viewer.kind], values, signal))[0];
}

/** The permanent place of a message. */
export interface MessagePlace {
  readonly conversation_id: string;
  readonly seq: bigint;
}

/** The conversation of a message, without a visibility check: only to find what to lock. */
export async function locateMessage(
  on: Queryable,
  caller: Caller,
  id: string,
  signal?: Interrupt,
): Promise<MessagePlace | undefined> {
  return (await on.query(sql.locateMessage, [caller.tenantId, id], signal))[0];
}

/** A message of a locked conversation. */
export async function readLockedMessage(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  seq: bigint,
): Promise<MessageRow | undefined> {
  return (await tx.query(sql.readMessage, [caller.tenantId, caller.actor, conversationId, seq]))[0];
}

/** The places and times of messages, in the order of the ids, without their content. */
export function readPlacesById(
  on: Queryable,
  caller: Caller,
  ids: readonly string[],
): Promise<Pick<MessageRow, "id" | "seq" | "create_time">[]> {
  return on.query(sql.placesById, [caller.tenantId, ids]);
}

/** Maximum rows changed by one statement, so that none reaches the statement timeout. */
const PIECE = 2_000;

/** The next messages of a locked conversation that are not deleted, oldest first. */
export function readMessagesAfter(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  after: bigint,
  limit: number,
  kinds: readonly MessageKind[],
): Promise<MessageRow[]> {
  return tx.query(sql.messagesAfter, [caller.tenantId, conversationId, after, limit, kinds]);
}

/** The places of the next ones, as many as one statement changes. */
export async function placesAfter(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  after: bigint,
  kinds: readonly MessageKind[],
): Promise<MessageDiff["deletions"]> {
  const rows = await tx.query(sql.placesAfter, [caller.tenantId, conversationId, after, PIECE, kinds]);
  return rows.map(({ kind, ...place }) => ({ ...place, kind: kind ?? MessageKind.MESSAGE }));
}

/** Applies a difference to a locked conversation, with a log entry for each change. */
export async function applyDiff(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  { edits, deletions, additions }: MessageDiff,
  fields = ONE_MESSAGE,
): Promise<bigint | undefined> {
  if (edits.length > 0) await editRows(tx, caller, conversationId, edits, fields.edit);
  const hidden = deletions.length > 0 ? await markRows(tx, caller, conversationId, deletions, true) : 0;
  const events: NewEvent[] = [
    ...edits.map(({ before }) => ({
      type: EventType.MESSAGE_EDITED,
      data: { ...referenceTo(before), revision: before.revision + 1 },
    })),
    ...deletions.map((message) => ({ type: EventType.MESSAGE_DELETED, data: referenceTo(message) })),
  ];
  if (events.length > 0) {
    await appendToLog(tx, caller, conversationId, events, {
      changesConversation: false,
      messages: -hidden,
    });
  }
  return appendMessages(tx, caller, conversationId, additions, { fieldOf: fields.addition });
}

function referenceTo({ id, seq }: Pick<StoredMessage, "id" | "seq">): MessageReference {
  return { message_id: id, message_seq: Number(seq) };
}

/** Returns how many messages of the live branch changed. */
async function markRows(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  messages: ReadonlyArray<{ readonly seq: bigint }>,
  deleted: boolean,
) {
  const seqs = messages.map(({ seq }) => seq);
  const live = await tx.query(sql.markMessagesDeleted, [caller.tenantId, conversationId, seqs, deleted]);
  return live.filter(({ kind }) => kind === null).length;
}

/** Deletes or restores one message of a locked conversation, with its log entry. */
export async function setMessageDeleted(
  tx: Queryable,
  caller: Caller,
  message: Pick<MessageRow, "id" | "seq" | "conversation_id">,
  deleted: boolean,
): Promise<void> {
  const messages = await markRows(tx, caller, message.conversation_id, [message], deleted);
  const event: NewEvent = {
    type: deleted ? EventType.MESSAGE_DELETED : EventType.MESSAGE_RESTORED,
    data: referenceTo(message),
  };
  const change = { changesConversation: false, messages: deleted ? -messages : messages };
  await appendToLog(tx, caller, message.conversation_id, [event], change);
}

/** Deletes or restores every message of a locked conversation, of all kinds. Returns how many changed. */
export async function setAllMessagesDeleted(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  deleted: boolean,
): Promise<bigint> {
  let count = 0;
  let messages = 0;
  for (let after: bigint | null = 0n; after !== null; ) {
    const values: unknown[] = [caller.tenantId, conversationId, deleted, after, PIECE];
    const [row] = await tx.query(sql.markMessagesDeletedAfter, values);
    count += Number(row?.count ?? 0n);
    messages += Number(row?.messages ?? 0n);
    after = row?.last_seq ?? null;
  }
  if (count > 0) {
    const event: NewEvent = {
      type: deleted ? EventType.ALL_MESSAGES_DELETED : EventType.ALL_MESSAGES_RESTORED,
      data: { count },
    };
    const change = { changesConversation: false, messages: deleted ? -messages : messages };
    await appendToLog(tx, caller, conversationId, [event], change);
  }
  return BigInt(count);
}

/** The earlier revisions of a message; undefined if the caller does not see it. */
export async function listRevisions(
  on: Queryable,
  caller: Caller,
  id: string,
  after: number,
  limit: number,
  signal?: Interrupt,
): Promise<NumberedRevision[] | undefined> {
  const values = [caller.tenantId, caller.memberId, id, after, limit];
  const rows = await on.query(sql.listRevisions[caller.viewer.kind], values, signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is NumberedRevision => row.revision !== null);
}

export type NumberedRevision = sql.RevisionRow & { readonly revision: number };

/** The log after a cursor; undefined if the caller does not see the conversation. */
export async function readLog(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  after: bigint,
  limit: number,
  { signal, showDeleted = false, isHeld = false }: log.ReadLogOptions = {},
): Promise<LogEntry[] | undefined> {
  const values = [caller.tenantId, caller.memberId, conversationId, after, limit, showDeleted];
  const statement = isHeld ? log.readBacklog : log.readLog;
  const rows = await on.query(statement[caller.viewer.kind], values, signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is LogEntry => row.seq !== null);
}

/** The last numbers of conversations' logs; unknown conversations are missing. */
export async function logEnds(on: Queryable, tenantId: string, ids: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await on.query(log.readEnds, [tenantId, ids]);
  return new Map(rows.map(({ id, last_seq }) => [id, last_seq]));
}

/** A conversation and a viewer, null for one that sees the whole tenant. */
export interface Sight {
  readonly viewerId: string | null;
  readonly conversationId: string;
}

/** Those whose viewer sees the conversation, deleted or not. All viewers are of one kind. */
export async function readVisible<S extends Sight>(
  on: Queryable,
  tenantId: string,
  kind: Viewer["kind"],
  sights: readonly S[],
): Promise<Set<S>> {
  const values = [tenantId, sights.map(({ viewerId }) => viewerId), sights.map(({ conversationId }) => conversationId)];
  const rows = await on.query(log.readVisible[kind], values);
  return new Set(rows.flatMap(({ place }) => sights[Number(place) - 1] ?? []));
}

export type LogEntry = log.LogRow & { readonly seq: bigint };
