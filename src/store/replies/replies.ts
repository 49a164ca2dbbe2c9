// Counts replies, notes mentions, and lists both.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import type { MessageRow } from "../messages/columns.ts";
import * as sql from "./statements.ts";

/** The places of messages that are not deleted, by id. */
export async function placesOf(
  on: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<Map<string, { readonly conversation_id: string; readonly seq: bigint }>> {
  const rows = await on.query(sql.placesOf, [tenantId, ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Counts replies that were just added to a locked conversation, by the id of what they reply to. */
export async function countReplies(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  replies: ReadonlyMap<string, number>,
): Promise<void> {
  if (replies.size === 0) return;
  await tx.query(sql.countReplies, [tenantId, conversationId, [...replies.keys()], [...replies.values()]]);
}

/** A message of a locked conversation, and a member that it mentions. */
export interface NewMention {
  readonly seq: bigint;
  readonly memberId: string;
}

/** Notes mentions; those of the sender itself are none. */
export async function addMentions(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  mentions: readonly NewMention[],
): Promise<void> {
  if (mentions.length === 0) return;
  const columns = [mentions.map(({ seq }) => seq), mentions.map(({ memberId }) => memberId)];
  await tx.query(sql.addMentions, [tenantId, conversationId, ...columns]);
}

/** Who takes part in a conversation, at most `limit`, in no order. */
export async function participantIds(
  on: Queryable,
  tenantId: string,
  conversationId: string,
  limit: number,
): Promise<string[]> {
  const rows = await on.query(sql.participantIds, [tenantId, conversationId, limit]);
  return rows.map(({ member_id }) => member_id);
}

const REPLIES = { asc: sql.listReplies(false), desc: sql.listReplies(true) };
const END_OF_LOG = 2n ** 63n - 1n;

/** A page of the messages that reply to one, and how many of all are unread; undefined: the caller does not see it. */
export async function listReplies(
  on: Queryable,
  caller: Caller,
  messageId: string,
  {
    newestFirst,
    edge,
    limit,
  }: { readonly newestFirst: boolean; readonly edge: bigint | undefined; readonly limit: number },
  signal?: Interrupt,
): Promise<{ readonly rows: MessageRow[]; readonly unread: number } | undefined> {
  const statements = REPLIES[newestFirst ? "desc" : "asc"];
  const values = [caller.tenantId, caller.actor, messageId, edge ?? (newestFirst ? END_OF_LOG : 0n), limit];
  const rows = await on.query(statements[caller.viewer.kind], values, signal);
  const [first] = rows;
  if (first === undefined) return undefined;
  const replies = rows.filter((row): row is MessageRow & sql.ReplyRow => row.id !== null);
  return { rows: replies, unread: first.unread_count };
}

/** A page of the messages that mention a member, in one conversation or all, latest first. */
export function listMentions(
  on: Queryable,
  caller: Caller,
  conversationId: string | null,
  edge: { readonly time: Date; readonly id: string } | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<MessageRow[]> {
  const values = [caller.tenantId, caller.actor, conversationId, edge?.time ?? null, edge?.id ?? null, limit];
  return on.query(sql.listMentions[caller.viewer.kind], values, signal);
}
