// The statements of a tenant's feed. It is written asynchronously, by one server at a time, so no row is added before a
// position that was read.
import type { Statement } from "../database.ts";
import type { FeedNotice } from "./notices.ts";

/** Creates the tenant's feed. No row: it exists already. $1 tenant. */
export const makeFeed: Statement<{ position: bigint }> = {
  name: "feed_make",
  text: "insert into feed_state (tenant_id) values ($1) on conflict (tenant_id) do nothing returning position",
};

/** Starts the feed at the current end of each log. $1 tenant. */
export const beginFeed: Statement = {
  name: "feed_begin",
  text: `
  insert into feed_head (tenant_id, conversation_id, seq)
  select $1, c.id, c.last_seq from conversation c where c.tenant_id = $1`,
};

/** Locks the feed until the transaction ends. $1 tenant. */
export const lockFeed: Statement<{ position: bigint }> = {
  name: "feed_lock",
  text: "select s.position from feed_state s where s.tenant_id = $1 for update",
};

/** Maximum logs that are looked up at once. */
export const MAX_GROWN = 10_000;

/** The conversations whose logs have grown since the feed was written. It locks nothing. $1 tenant. */
export const grownLogs: Statement<{ id: string }> = {
  name: "feed_grown",
  text: `
  select c.id from conversation c left join feed_head h on h.tenant_id = $1 and h.conversation_id = c.id
  where c.tenant_id = $1 and c.last_seq > coalesce(h.seq, 0) limit ${MAX_GROWN}`,
};

/** Maximum notices added to the feed at once. */
const MAX_NOTICES = 1_000;

/**
 * Adds the notices that wait, and a row for every log that has grown, to a locked feed. It must be a separate
 * statement, because its snapshot must be newer than the lock. The end of a purged conversation comes before what was
 * stored under its id later. $1 tenant, $2 the conversations to check.
 */
export const advanceFeed: Statement<{ position: bigint }> = {
  name: "feed_advance",
  text: `
  with grown as materialized (
    select c.id, coalesce(h.seq, 0) as after_seq, c.last_seq as seq,
      row_number() over (order by c.update_time, c.id) as ordinal
    from conversation c
    left join feed_head h on h.tenant_id = $1 and h.conversation_id = c.id
    where c.tenant_id = $1 and c.last_seq > coalesce(h.seq, 0) and c.id = any($2::uuid[])
  ), heads as (
    insert into feed_head (tenant_id, conversation_id, seq) select $1, g.id, g.seq from grown g
    on conflict (tenant_id, conversation_id) do update set seq = excluded.seq
  ), noticed as (
    delete from feed_notice n where n.tenant_id = $1 and n.id in (
      select o.id from feed_notice o where o.tenant_id = $1 order by o.id limit ${MAX_NOTICES})
    returning n.id, n.notice
  ), told as (
    insert into feed (tenant_id, position, after_seq, seq, notice)
    select $1, s.position + row_number() over (order by n.id), 0, 1, n.notice
    from noticed n, feed_state s where s.tenant_id = $1
  ), added as (
    insert into feed (tenant_id, position, conversation_id, after_seq, seq)
    select $1, s.position + (select count(*) from noticed) + g.ordinal, g.id, g.after_seq, g.seq
    from grown g, feed_state s where s.tenant_id = $1
  )
  update feed_state s set position = s.position + (select count(*) from noticed) + (select count(*) from grown)
  where s.tenant_id = $1 returning s.position`,
};

/** A change of one conversation: the entries of its log after `after_seq` and up to `seq`; or a notice. */
export interface FeedRow {
  readonly position: bigint;
  /** Empty in the row of a notice. */
  readonly conversation_id: string;
  readonly after_seq: bigint;
  readonly seq: bigint;
  /** The members who see it by themselves: its owner and participants. */
  readonly members: readonly string[];
  readonly notice: FeedNotice | null;
  /** When the row was added. */
  readonly create_time: Date;
}

/** Rows from a position on. $1 tenant, $2 position, $3 limit. */
export const readFeed: Statement<FeedRow> = {
  name: "feed_read",
  text: `
  select f.position, coalesce(f.conversation_id::text, '') as conversation_id, f.after_seq, f.seq, f.notice, f.create_time,
    array(select c.owner_id from conversation c
      where c.tenant_id = $1 and c.id = f.conversation_id and c.owner_id is not null
      union select p.member_id from participant p where p.tenant_id = $1 and p.conversation_id = f.conversation_id
    ) as members
  from feed f where f.tenant_id = $1 and f.position >= $2::bigint order by f.position limit $3`,
};

/** $1 tenant. */
export const feedState: Statement<{ position: bigint; trimmed: bigint }> = {
  name: "feed_state",
  text: "select s.position, s.trimmed from feed_state s where s.tenant_id = $1",
};

/** Retention of rows in days. */
export const FEED_DAYS = 7;

/**
 * Deletes old rows of a locked feed, a bounded number at a time; none that a webhook endpoint has still to read,
 * whether it is paused or not. $1 tenant.
 */
export const trimFeed: Statement = {
  name: "feed_trim",
  text: `
  with old as (
    delete from feed f where f.tenant_id = $1 and f.position <= (
      select max(o.position) from (
        select e.position from feed e where e.tenant_id = $1
          and e.create_time < now() - interval '${FEED_DAYS} days'
          and e.position < coalesce((select min(p.position) from webhook_progress p where p.tenant_id = $1), e.position + 1)
        order by e.position limit 5000
      ) o)
    returning f.position
  )
  update feed_state s set trimmed = (select max(old.position) from old)
  where s.tenant_id = $1 and exists (select from old)`,
};
