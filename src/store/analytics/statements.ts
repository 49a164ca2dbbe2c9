// The statements of statistics: each reads its rows once and returns numbers, never content.
import { ERASED } from "../../domain/identity/actor.ts";
import { onPath } from "../branches/path.ts";
import type { Statement } from "../database.ts";
import { forEachViewer, visible } from "../visibility.ts";

export interface ConversationAnalyticsRow {
  readonly total: bigint;
  readonly user_count: bigint;
  readonly assistant_count: bigint;
  readonly system_count: bigint;
  readonly tool_count: bigint;
  readonly deleted_count: bigint;
  readonly user_characters: bigint;
  readonly assistant_characters: bigint;
  readonly first_time: Date | null;
  readonly last_time: Date | null;
  readonly turn_count: bigint;
  /** In seconds, like the next two. Null: there is no reply. */
  readonly first_reply: number | null;
  readonly median_reply: number | null;
  readonly p95_reply: number | null;
  /** Sums of tokens: input, output, cached, reasoning, written to a cache. Null: no agent has reported any. */
  readonly tokens: UsageColumn;
}

/** Sums of tokens, as texts. */
export type UsageColumn = readonly string[] | null;

/** The tokens of turns `t`, as one column. */
const sumOfTokens = `case when count(coalesce(t.input_tokens, t.output_tokens)) > 0 then array[
      coalesce(sum(t.input_tokens), 0), coalesce(sum(t.output_tokens), 0), coalesce(sum(t.cached_tokens), 0),
      coalesce(sum(t.reasoning_tokens), 0), coalesce(sum(t.cache_write_tokens), 0)]::text[] end`;

/**
 * Statistics of one conversation. Roles: 1 user, 2 assistant, 3 system, 4 tool, 5 developer. No row: the caller does
 * not see it.
 * $1 tenant, $2 caller, $3 conversation.
 */
export const conversationAnalytics = forEachViewer<ConversationAnalyticsRow>(
  "analytics_conversation",
  (kind) => `
  with target as (
    select c.id, c.segmented, c.content_erase_time from conversation c
    where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  ), said as materialized (
    select m.seq, m.role, m.create_time, char_length(m.content) as characters,
      -- What a retention policy emptied counts as before.
      m.delete_time is not null and not (m.sender = '${ERASED}' and coalesce(m.delete_time >= c.content_erase_time, false)) as deleted
    from target c join message m on m.tenant_id = $1 and m.conversation_id = c.id
      and m.kind is null and ${onPath("m")}
  ), counted as (
    select count(*) filter (where not deleted) as total,
      count(*) filter (where not deleted and role = 1) as user_count,
      count(*) filter (where not deleted and role = 2) as assistant_count,
      count(*) filter (where not deleted and role in (3, 5)) as system_count,
      count(*) filter (where not deleted and role = 4) as tool_count,
      count(*) filter (where deleted) as deleted_count,
      coalesce(sum(characters) filter (where not deleted and role = 1), 0)::bigint as user_characters,
      coalesce(sum(characters) filter (where not deleted and role = 2), 0)::bigint as assistant_characters,
      min(create_time) filter (where not deleted) as first_time,
      max(create_time) filter (where not deleted) as last_time,
      min(create_time) filter (where not deleted and role = 1) as first_user_time
    from said
  ), spoken as (
    select role, create_time, lag(role) over log as role_before, lag(create_time) over log as time_before
    from said where not deleted and role in (1, 2) window log as (order by seq)
  ), replied as (
    select count(*) as turn_count, min(create_time) as first_reply_time,
      percentile_cont(array[0.5, 0.95]) within group (order by extract(epoch from create_time - time_before)) as delays
    from spoken where role = 2 and role_before = 1
  )
  select counted.*, replied.turn_count,
    extract(epoch from replied.first_reply_time - counted.first_user_time)::double precision as first_reply,
    replied.delays[1]::double precision as median_reply, replied.delays[2]::double precision as p95_reply,
    (select ${sumOfTokens} from turn t where t.tenant_id = $1 and t.conversation_id = target.id) as tokens
  from target, counted, replied`,
);

export interface TenantCountsRow {
  readonly total: bigint;
  readonly active: bigint;
  readonly archived: bigint;
  readonly closed: bigint;
  readonly deleted: bigint;
  readonly message_count: bigint;
  readonly member_count: bigint;
}

/** Totals of a tenant. Conversations store their number of messages. $1 tenant. */
export const tenantCounts: Statement<TenantCountsRow> = {
  name: "analytics_tenant",
  text: `
  select count(*) filter (where c.delete_time is null) as total,
    count(*) filter (where c.delete_time is null and c.status = 1) as active,
    count(*) filter (where c.delete_time is null and c.status = 2) as archived,
    count(*) filter (where c.delete_time is null and c.status = 3) as closed,
    count(*) filter (where c.delete_time is not null) as deleted,
    coalesce(sum(c.message_count) filter (where c.delete_time is null), 0)::bigint as message_count,
    (select count(*) from member m where m.tenant_id = $1 and m.delete_time is null) as member_count
  from conversation c where c.tenant_id = $1`,
};

export interface DayRow {
  readonly conversation_count: bigint;
  readonly message_count: bigint;
  readonly tokens: UsageColumn;
}

/**
 * Activity in periods. Ids of turns begin with the time at which they were made. $1 tenant, $2 starts of the periods,
 * $3 their ends, $4 and $5 the same as the beginnings of ids.
 */
export const dailyActivity: Statement<DayRow> = {
  name: "analytics_days",
  text: `
  select
    (select count(*) from conversation c
      where c.tenant_id = $1 and c.create_time >= day.first and c.create_time < day.after) as conversation_count,
    (select count(*) from message m
      where m.tenant_id = $1 and m.create_time >= day.first and m.create_time < day.after
        and m.kind is null) as message_count,
    (select ${sumOfTokens} from turn t
      where t.tenant_id = $1 and t.id >= day.first_id and t.id < day.after_id) as tokens
  from unnest($2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::uuid[]) with ordinality
    as day(first, after, first_id, after_id, ordinal)
  order by day.ordinal`,
};
