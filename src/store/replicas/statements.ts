// Statements about the write-ahead log of the primary and of replicas. They read no row of a tenant.
import type { Position } from "../../domain/read-position.ts";
import type { Statement } from "../driver/statement.ts";

/** A row of {@link primaryPosition}. */
interface PrimaryRow {
  readonly branch: string | null;
  readonly lsn: bigint | null;
}

/** The timeline that a server writes. */
const TIMELINE = "substr(pg_catalog.pg_walfile_name(w.lsn), 1, 8)";
const WRITTEN = `select case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_current_wal_flush_lsn() end as lsn`;
const asNumber = (lsn: string) => `(${lsn} - '0/0'::pg_lsn)::bigint`;

/**
 * After a statement in its transaction: a position that has all that the statement saw, because a commit is flushed
 * before it becomes visible. The branch is null while the row of `wal_branch` is of another timeline.
 */
export const primaryPosition: Statement<PrimaryRow> = {
  name: "wal_primary",
  text: `select case when b.timeline = ${TIMELINE} then b.id end as branch, ${asNumber("w.lsn")} as lsn
    from wal_branch b, (${WRITTEN}) w`,
};

export function positionOf(row: unknown): Position | undefined {
  const { branch, lsn } = (row ?? {}) as Partial<PrimaryRow>;
  return branch == null || lsn == null ? undefined : { branch, lsn };
}

/**
 * Makes the row that names the history of the database, and names it anew after a failover or a restore. $1 the new
 * name. Without a row: it has its name.
 */
export const nameBranch: Statement = {
  name: "wal_branch_name",
  text: `insert into wal_branch as b (one, id, system, timeline)
    select true, $1, s.system_identifier::text, ${TIMELINE}
    from pg_catalog.pg_control_system() s, (${WRITTEN}) w where w.lsn is not null
    on conflict (one) do update set id = excluded.id, system = excluded.system, timeline = excluded.timeline
    where (b.system, b.timeline) is distinct from (excluded.system, excluded.timeline)`,
  changes: true,
  urgent: true,
};

/** {@link primaryPosition}, and whether the branch is of this cluster. */
export const primaryState: Statement<PrimaryRow> = {
  name: "wal_primary_state",
  text: `select case when b.timeline = ${TIMELINE} and b.system = s.system_identifier::text then b.id end as branch,
      ${asNumber("w.lsn")} as lsn
    from pg_catalog.pg_control_system() s, (${WRITTEN}) w left join wal_branch b on true`,
  urgent: true,
};

export interface ReplicaRow {
  readonly branch: string | null;
  /** Null: it is no standby. */
  readonly replayed: bigint | null;
  /** Null: it does not stream. */
  readonly received: bigint | null;
}

/**
 * Before a statement in its transaction: what the statement will see at least is `replayed`. After it: what it has seen
 * at most is `received`. What is replayed counts only a moment after it became visible, so it is no bound for that.
 */
export const replicaPosition: Statement<ReplicaRow> = {
  name: "wal_replica",
  text: `select (select b.id from wal_branch b) as branch,
      ${asNumber("case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() end")} as replayed,
      ${asNumber("pg_catalog.pg_last_wal_receive_lsn()")} as received`,
};
