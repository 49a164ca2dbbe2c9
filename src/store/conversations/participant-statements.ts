// The statements about participants.
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { forEachViewer, visible } from "../visibility.ts";

/** The position of the first imported participant that joined before the log; later ones have the next positions. */
export const FIRST_PLACE = -1_000_000_000n;

/**
 * True for every participant `p`: the condition of `participant_order_idx`, so that only statements with this condition
 * use that index, and all others the primary key.
 */
export const inOrder = (p: string) => `${p}.join_seq >= -1000000000`;

export interface ParticipantRow {
  /** Null in the only row of an empty page. */
  readonly member_id: string | null;
  readonly join_seq: bigint;
  readonly join_time: Date;
  readonly read_seq: bigint;
}

/**
 * Several may have the same join_seq, so the position includes the member. No row: the caller does not see the
 * conversation. $1 tenant, $2 caller, $3 id, $4 join_seq and $5 member after, $6 limit.
 */
export const listParticipants = forEachViewer<ParticipantRow>(
  "participant_list",
  (kind) => `
  select p.member_id, p.join_seq, p.join_time, p.read_seq
  from conversation c
  left join lateral (
    select p.member_id, p.join_seq, p.join_time, p.read_seq from participant p
    where p.tenant_id = $1 and p.conversation_id = c.id and ${inOrder("p")}
      and (p.join_seq, p.member_id) > ($4::bigint, $5::text collate "C")
    order by p.join_seq, p.member_id limit $6
  ) p on true
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  order by p.join_seq, p.member_id`,
  { maxBytes: PAGE_BYTES },
);

/** Some participants, by member. $1 tenant, $2 conversation, $3 member ids. */
export const participantsByMember: Statement<ParticipantRow & { member_id: string }> = {
  name: "participant_by_member",
  text: `
  select p.member_id, p.join_seq, p.join_time, p.read_seq from participant p
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = any($3::text[])`,
};

/** $1 tenant, $2 conversation, $3 member ids, $4 the `seq` of the first one's log entry. */
export const insertParticipants: Statement = {
  name: "participant_insert",
  text: `
  insert into participant (tenant_id, conversation_id, member_id, join_seq, join_time, conversation_time)
  select $1, c.id, a.member_id, $4::bigint + a.ordinal - 1, date_trunc('milliseconds', now()), c.create_time
  from conversation c, unnest($3::text[]) with ordinality as a(member_id, ordinal)
  where c.tenant_id = $1 and c.id = $2::uuid`,
};

/** $1 tenant, $2 conversation, $3 member id. No row: it is not a participant. */
export const deleteParticipant: Statement<{ member_id: string }> = {
  name: "participant_delete",
  text: `
  delete from participant p where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3
  returning p.member_id`,
};

/** Moves a read mark forward. No row: it was there already. $1 tenant, $2 conversation, $3 member id, $4 seq. */
export const moveReadMark: Statement<{ member_id: string }> = {
  name: "participant_mark_read",
  text: `
  update participant p set read_seq = $4::bigint, read_time = date_trunc('milliseconds', statement_timestamp())
  where p.tenant_id = $1 and p.conversation_id = $2::uuid and p.member_id = $3 and p.read_seq < $4::bigint
  returning p.member_id`,
};
