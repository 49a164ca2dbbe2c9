// What a conversation is to one of its participants alone.
import type { JsonObject } from "@bufbuild/protobuf";
import type { NotificationLevel } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable, Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { forEachViewer, visible } from "../visibility.ts";
import { inOrder } from "./participant-statements.ts";

/** As the column holds it: what is at its default is left out. */
export interface StoredView {
  readonly pinned?: boolean;
  readonly archived?: boolean;
  /** Milliseconds since 1970. */
  readonly muted_until?: number;
  readonly level?: NotificationLevel;
  readonly metadata?: JsonObject;
}

/** $1 tenant, $2 conversation, $3 member. No row: it takes no part. */
const readView: Statement<{ view: StoredView | null }> = {
  name: "participant_view",
  text: `
  select p.view from participant p where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3`,
};

/** $1 tenant, $2 conversation, $3 member, $4 the view (JSON text or null). */
const writeView: Statement = {
  name: "participant_set_view",
  text: `
  update participant p set view = $4::jsonb
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3`,
};

/** The view of a participant of a locked conversation. */
export async function readMemberView(tx: Queryable, caller: Caller, conversationId: string): Promise<StoredView> {
  const [row] = await tx.query(readView, [caller.tenantId, conversationId, caller.memberId]);
  return row?.view ?? {};
}

export async function writeMemberView(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  view: StoredView,
): Promise<void> {
  const text = Object.keys(view).length > 0 ? JSON.stringify(view) : null;
  await tx.query(writeView, [caller.tenantId, conversationId, caller.memberId, text]);
}

export interface ReadMarkRow {
  /** Null in the only row of an empty page. */
  readonly member_id: string | null;
  readonly join_seq: bigint;
  readonly read_seq: bigint;
  readonly read_time: Date | null;
  /** Of the conversation. */
  readonly participant_count: number;
}

/**
 * How far participants have read, in joining order. No row: the caller does not see the conversation. $1 tenant, $2
 * caller, $3 id, $4 join_seq and $5 member after, $6 limit, $7 how far at least.
 */
const listMarks = forEachViewer<ReadMarkRow>(
  "participant_read_marks",
  (kind) => `
  select p.member_id, p.join_seq, p.read_seq, p.read_time, c.participant_count
  from conversation c
  left join lateral (
    select p.member_id, p.join_seq, p.read_seq, p.read_time from participant p
    where p.tenant_id = $1 and p.conversation_id = c.id and ${inOrder("p")} and p.read_seq >= $7::bigint
      and (p.join_seq, p.member_id) > ($4::bigint, $5::text collate "C")
    order by p.join_seq, p.member_id limit $6
  ) p on true
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  order by p.join_seq, p.member_id`,
  { maxBytes: PAGE_BYTES },
);

/** A page of read marks; undefined: the caller does not see the conversation. */
export async function listReadMarks(
  on: Queryable,
  caller: Caller,
  id: string,
  {
    after,
    limit,
    reached,
  }: { readonly after: readonly [bigint, string]; readonly limit: number; readonly reached: bigint },
): Promise<ReadMarkRow[] | undefined> {
  const values = [caller.tenantId, caller.memberId, id, ...after, limit, reached];
  const rows = await on.query(listMarks[caller.viewer.kind], values);
  return rows.length === 0 ? undefined : rows;
}
