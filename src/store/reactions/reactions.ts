// Adds, removes and lists reactions.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import { touchConversations } from "../log/statements.ts";
import * as sql from "./statements.ts";

export type { ReactionChangeRow } from "./statements.ts";

export interface ReactionRow extends sql.ReactionRow {
  readonly name: string;
}

/** Adds or removes the caller's reaction to a message; undefined: the caller does not see it. One round trip. */
export async function changeReaction(
  on: Queryable,
  caller: Caller,
  change: "add" | "remove",
  messageId: string,
  name: string,
  signal?: Interrupt,
): Promise<sql.ReactionChangeRow | undefined> {
  const statements = change === "add" ? sql.addReaction : sql.removeReaction;
  const values = [caller.tenantId, caller.memberId, messageId, caller.actor, name];
  return (await on.query(statements[caller.viewer.kind], values, signal))[0];
}

/** The place of a reaction in the list of its message. */
export interface ReactionPlace {
  readonly time: Date;
  readonly actor: string;
  readonly name: string;
}

const BEFORE_ALL = ["-infinity", "", ""];

/** A page of reactions, oldest first, of one kind or all; undefined: the caller does not see the message. */
export async function listReactions(
  on: Queryable,
  caller: Caller,
  messageId: string,
  {
    name,
    after,
    limit,
  }: { readonly name: string | null; readonly after?: ReactionPlace | undefined; readonly limit: number },
  signal?: Interrupt,
): Promise<ReactionRow[] | undefined> {
  const place = after === undefined ? BEFORE_ALL : [after.time, after.actor, after.name];
  const values = [caller.tenantId, caller.memberId, messageId, name, ...place, limit];
  const rows = await on.query(sql.listReactions[caller.viewer.kind], values, signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is ReactionRow => row.name !== null);
}

/** All reactions of a message, oldest first, in pages of `size`. */
export async function* exportReactions(
  on: Queryable,
  tenantId: string,
  { conversation_id, seq }: { readonly conversation_id: string; readonly seq: bigint },
  size: number,
): AsyncGenerator<readonly ReactionRow[], void> {
  let after: readonly unknown[] = BEFORE_ALL;
  for (;;) {
    const rows = await on.query(sql.exportReactions, [tenantId, conversation_id, seq, ...after, size]);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < size) return;
    after = [last.create_time, last.actor, last.name];
  }
}

/** An imported reaction, by the id of its message. */
export interface ImportedReaction extends ReactionRow {
  readonly messageId: string;
}

/** Adds missing reactions to messages of locked conversations. Returns their number. */
export async function addReactions(
  tx: Queryable,
  tenantId: string,
  reactions: readonly ImportedReaction[],
): Promise<number> {
  if (reactions.length === 0) return 0;
  const added = await tx.query(sql.importReactions, [
    tenantId,
    reactions.map(({ messageId }) => messageId),
    reactions.map(({ actor }) => actor),
    reactions.map(({ name }) => name),
    reactions.map(({ create_time }) => create_time),
  ]);
  const places = new Map(added.map((row) => [`${row.conversation_id}/${row.seq}`, row]));
  const messages = [...places.values()];
  if (messages.length > 0) {
    const columns = [messages.map((row) => row.conversation_id), messages.map((row) => row.seq)];
    await tx.query(sql.recountReactions, [tenantId, ...columns]);
    await tx.query(touchConversations, [tenantId, columns[0]]);
  }
  return added.length;
}
