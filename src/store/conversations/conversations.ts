// Reads and changes conversations and their participants.

import type { Interrupt } from "../../domain/cancellation.ts";
import { EventType, isActivity, type NewEvent } from "../../domain/event-type.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import { appendEvents } from "../log/statements.ts";
import type { ClientName } from "./client-ids.ts";
import type { ConversationRow } from "./columns.ts";
import { indexLabels } from "./label-statements.ts";
import {
  type ConversationList,
  listConversations as composeList,
  type ListedConversationRow,
} from "./list-statement.ts";
import { assignConversationNumbers } from "./number-statement.ts";
import * as participants from "./participant-statements.ts";
import * as sql from "./statements.ts";

export { readMoment } from "../changed-since.ts";
export type { ConversationRow } from "./columns.ts";
export type { ConversationList } from "./list-statement.ts";
export type { ParticipantRow } from "./participant-statements.ts";
export { type LockedRow, type WritableColumn, writableColumns } from "./statements.ts";

/** The values of a conversation that a caller sets, by column. */
export type ConversationValues = Readonly<Record<sql.WritableColumn, unknown>>;

/** One conversation, or undefined if the caller does not see it. One round trip. */
export async function readConversation(
  on: Queryable,
  caller: Caller,
  id: string,
  showDeleted = false,
  signal?: Interrupt,
): Promise<ConversationRow | undefined> {
  const values = [caller.tenantId, caller.memberId, id, showDeleted];
  return (await on.query(sql.getConversation[caller.viewer.kind], values, signal))[0];
}

/** Those of some conversations that the caller sees, unordered. */
export function readConversations(
  on: Queryable,
  caller: Caller,
  ids: readonly string[],
  signal?: Interrupt,
): Promise<ConversationRow[]> {
  return on.query(sql.batchGetConversations[caller.viewer.kind], [caller.tenantId, caller.memberId, ids], signal);
}

/** A page of conversations, and the number of matches if requested. One round trip. */
export async function listConversations(
  on: Queryable,
  caller: Caller,
  list: Omit<ConversationList, "viewer">,
  signal?: Interrupt,
): Promise<{ rows: (ConversationRow & Pick<ListedConversationRow, "late">)[]; total: bigint | null; moment: string }> {
  const { statement, values } = composeList(asMember({ ...list, viewer: caller.viewer.kind }, caller.memberId));
  const rows = await on.query(statement, [caller.tenantId, caller.memberId, ...values], signal);
  const [first] = rows;
  return { rows: rows.filter(isConversation), total: first?.total ?? null, moment: first?.moment ?? "" };
}

/** A list of what the caller itself owns or takes part in is what a member sees. */
function asMember(list: ConversationList, self: string | null): ConversationList {
  const { memberId, ...filters } = list.filters;
  return memberId === undefined || memberId !== self || filters.ownedOnly
    ? list
    : { ...list, viewer: "member", filters };
}

function isConversation(row: ListedConversationRow): row is ListedConversationRow & ConversationRow {
  return row.id !== null;
}

/** Locks a conversation until the transaction ends; undefined if the caller does not see it. */
export async function lockConversation(tx: Queryable, caller: Caller, id: string): Promise<sql.LockedRow | undefined> {
  return (await tx.query(sql.lockConversation[caller.viewer.kind], [caller.tenantId, caller.memberId, id]))[0];
}

/** False: a conversation of the same owner has the client id. */
export async function insertConversation(
  tx: Queryable,
  caller: Caller,
  id: string,
  values: ConversationValues,
  name?: ClientName,
): Promise<boolean> {
  const columns = sql.writableColumns.map((column) => values[column]);
  const own = [caller.tenantId, id, caller.actor, name?.clientId ?? null, name?.hash ?? null];
  const rows = await tx.query(sql.insertConversation, [...own, ...columns]);
  if (rows.length > 0 && values.labels !== null) await indexLabels(tx, caller.tenantId, [id]);
  return rows.length > 0;
}

/** Writes the given columns of a locked conversation. */
export async function updateConversation(
  tx: Queryable,
  caller: Caller,
  id: string,
  values: ConversationValues,
  columns: readonly sql.WritableColumn[],
): Promise<void> {
  await tx.query(sql.updateConversation(columns), [caller.tenantId, id, ...columns.map((column) => values[column])]);
  if (columns.includes("labels")) await indexLabels(tx, caller.tenantId, [id]);
}

/** Deletes or restores a locked conversation. `purgeAfterDays`: when a deleted one is purged. Default: never. */
export async function markConversationDeleted(
  tx: Queryable,
  caller: Caller,
  id: string,
  deleted: boolean,
  purgeAfterDays?: number,
): Promise<void> {
  await tx.query(sql.markConversationDeleted, [caller.tenantId, id, deleted, purgeAfterDays ?? null]);
}

/** Numbers conversations that have no number yet. Returns the numbers of those that the caller sees, by id. */
export async function assignNumbers(
  on: Queryable,
  caller: Caller,
  ids: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const values = [caller.tenantId, caller.memberId, ids];
  const numbers = new Map<string, bigint>();
  // The second attempt is for conversations that another call has numbered meanwhile.
  for (let attempt = 0; attempt < 2 && numbers.size < ids.length; attempt++) {
    for (const { id, number } of await on.query(assignConversationNumbers[caller.viewer.kind], values)) {
      numbers.set(id, number);
    }
  }
  return numbers;
}

export interface LogChange {
  /** Whether the conversation itself changes, so that its etag no longer matches. */
  readonly changesConversation: boolean;
  /** The change in the number of messages that are not deleted. */
  readonly messages?: number;
  /** The change in the number of participants. */
  readonly participants?: number;
}

/** Adds entries to the log of a locked conversation. Returns the number of the last one. */
export async function appendToLog(
  tx: Queryable,
  caller: Caller,
  id: string,
  events: readonly NewEvent[],
  { changesConversation, messages = 0, participants: joined = 0 }: LogChange,
): Promise<bigint> {
  const [row] = await tx.query(appendEvents, [
    caller.tenantId,
    id,
    caller.actor,
    events.map(({ type }) => type),
    events.map(({ data }) => JSON.stringify(data)),
    changesConversation ? 1 : 0,
    messages,
    joined,
    events.some(({ type }) => isActivity(type, caller.actor)),
  ]);
  if (row === undefined) throw new Error("a conversation is gone although it is locked");
  return row.last_seq;
}

/** Which of some members the tenant has. */
export async function existingMembers(on: Queryable, caller: Caller, ids: readonly string[]): Promise<Set<string>> {
  return new Set((await on.query(sql.existingMembers, [caller.tenantId, ids])).map(({ id }) => id));
}

/** Whether a member's conversations are among those that the caller sees. */
export async function watchesMember(on: Queryable, caller: Caller, memberId: string): Promise<boolean> {
  const { viewer } = caller;
  if (viewer.kind === "tenant") return true;
  const [row] = await on.query(sql.watchesMember[viewer.kind], [caller.tenantId, caller.memberId, memberId]);
  return row?.watches ?? false;
}

/** A page of participants in joining order; undefined if the caller does not see the conversation. */
export async function listParticipants(
  on: Queryable,
  caller: Caller,
  id: string,
  { after, limit }: { readonly after?: PartPlace | undefined; readonly limit: number },
  signal?: Interrupt,
): Promise<NamedParticipant[] | undefined> {
  const { joinSeq, memberId } = after ?? BEFORE_ALL;
  const values = [caller.tenantId, caller.memberId, id, joinSeq, memberId, limit];
  const rows = await on.query(participants.listParticipants[caller.viewer.kind], values, signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is NamedParticipant => row.member_id !== null);
}

/** The position of a participant in its conversation. */
export interface PartPlace {
  readonly joinSeq: bigint;
  readonly memberId: string;
}

const BEFORE_ALL: PartPlace = { joinSeq: participants.FIRST_PLACE, memberId: "" };

export type NamedParticipant = participants.ParticipantRow & { readonly member_id: string };

export function readParticipants(
  on: Queryable,
  caller: Caller,
  id: string,
  memberIds: readonly string[],
): Promise<NamedParticipant[]> {
  return on.query(participants.participantsByMember, [caller.tenantId, id, memberIds]);
}

/** Adds participants to a locked conversation, with a log entry each. They must not be participants yet. */
export async function addParticipants(
  tx: Queryable,
  caller: Caller,
  id: string,
  memberIds: readonly string[],
): Promise<void> {
  if (memberIds.length === 0) return;
  const events = memberIds.map((memberId) => ({ type: EventType.PARTICIPANT_ADDED, data: { member_id: memberId } }));
  const change = { changesConversation: true, participants: memberIds.length };
  const lastSeq = await appendToLog(tx, caller, id, events, change);
  const firstSeq = lastSeq - BigInt(memberIds.length) + 1n;
  await tx.query(participants.insertParticipants, [caller.tenantId, id, memberIds, firstSeq]);
}

/** Removes a participant from a locked conversation. False: it was not one. */
export async function removeParticipant(tx: Queryable, caller: Caller, id: string, memberId: string): Promise<boolean> {
  const removed = await tx.query(participants.deleteParticipant, [caller.tenantId, id, memberId]);
  if (removed.length === 0) return false;
  const event = { type: EventType.PARTICIPANT_REMOVED, data: { member_id: memberId } };
  await appendToLog(tx, caller, id, [event], { changesConversation: true, participants: -1 });
  return true;
}

/** Moves a participant's read mark forward in a locked conversation. */
export async function markRead(
  tx: Queryable,
  caller: Caller,
  id: string,
  memberId: string,
  readSeq: bigint,
): Promise<void> {
  const moved = await tx.query(participants.moveReadMark, [caller.tenantId, id, memberId, readSeq]);
  if (moved.length === 0) return;
  const event = { type: EventType.READ_MARKED, data: { member_id: memberId, read_seq: Number(readSeq) } };
  await appendToLog(tx, caller, id, [event], { changesConversation: false });
}
