// The statements of presence: who subscribes to which server, under a lease of that server.
import type { Statement } from "../database.ts";
import { forEachViewer, visible } from "../visibility.ts";

const now = "date_trunc('milliseconds', statement_timestamp())";
const after = (ms: string) => `${now} + ${ms}::integer * interval '1 millisecond'`;
/** Whether members of the tenant have a presence. */
const isOn = "exists (select 1 from tenant n where n.id = $1 and not n.presence_off)";

/**
 * Notes members that subscribe to a server, and says which had not. $1 tenant, $2 server, $3 members, $4 length of the
 * lease in milliseconds.
 */
export const enter: Statement<{ member_id: string }> = {
  name: "presence_enter",
  text: `
  with lease as (
    insert into presence_lease as l (tenant_id, server, seen_time, expire_time)
    select $1, $2::uuid, ${now}, ${after("$4")} where ${isOn}
    on conflict (tenant_id, server) do update set seen_time = excluded.seen_time, expire_time = excluded.expire_time
    returning 1
  )
  insert into presence_session (tenant_id, member_id, server)
  select $1, m.id, $2::uuid from member m
  where m.tenant_id = $1 and m.id = any($3::text[]) and m.delete_time is null and ${isOn}
  on conflict do nothing returning member_id`,
};

const seenLast = `on conflict (tenant_id, member_id) do update
    set last_seen_time = greatest(p.last_seen_time, excluded.last_seen_time)`;

/**
 * Notes members that no longer subscribe to a server, and says which had. $1 tenant, $2 server, then arrays: members,
 * how long ago they left, in milliseconds.
 */
export const leave: Statement<{ member_id: string }> = {
  name: "presence_leave",
  text: `
  with gone as (
    delete from presence_session s using unnest($3::text[], $4::integer[]) as g(member_id, ago)
    where s.tenant_id = $1 and s.server = $2::uuid and s.member_id = g.member_id
    returning s.member_id, g.ago
  ), seen as (
    insert into presence as p (tenant_id, member_id, last_seen_time)
    select $1, g.member_id, ${after("-g.ago")} from gone g
    join member m on m.tenant_id = $1 and m.id = g.member_id where m.delete_time is null
    ${seenLast}
  )
  select g.member_id from gone g`,
};

/** Renews the leases of a server in all tenants, with how many members each has there. $1 server, $2 milliseconds. */
export const renew: Statement<{ tenant_id: string; count: number }> = {
  name: "presence_renew",
  text: `
  update presence_lease l set seen_time = ${now}, expire_time = ${after("$2")}
  from tenant n where l.tenant_id = n.id and l.server = $1::uuid
  returning l.tenant_id, (
    select count(*)::integer from presence_session s where s.tenant_id = n.id and s.server = $1::uuid) as count`,
};

/** The tenants with leases that are over. */
export const overdue: Statement<{ tenant_id: string }> = {
  name: "presence_overdue",
  text: `
  select distinct l.tenant_id from tenant n join presence_lease l on l.tenant_id = n.id
  where l.expire_time < statement_timestamp()`,
};

/** Ends the leases of a tenant that are over, and says who was there. $1 tenant. */
export const bury: Statement<{ member_id: string }> = {
  name: "presence_bury",
  text: `
  with dead as materialized (
    select l.server, l.seen_time from presence_lease l where l.tenant_id = $1 and l.expire_time < statement_timestamp()
    for update
  ), gone as (
    delete from presence_session s using dead where s.tenant_id = $1 and s.server = dead.server
    returning s.member_id, dead.seen_time
  ), seen as (
    insert into presence as p (tenant_id, member_id, last_seen_time)
    select $1, g.member_id, max(g.seen_time) from gone g
    join member m on m.tenant_id = $1 and m.id = g.member_id where m.delete_time is null group by g.member_id
    ${seenLast}
  ), ended as (
    delete from presence_lease l using dead where l.tenant_id = $1 and l.server = dead.server
  )
  select distinct g.member_id from gone g`,
};

/** Leaves the leases of a server to end soon. $1 server, $2 milliseconds. */
export const resign: Statement = {
  name: "presence_resign",
  text: `
  update presence_lease l set seen_time = ${now}, expire_time = least(l.expire_time, ${after("$2")})
  from tenant n where l.tenant_id = n.id and l.server = $1::uuid`,
};

/** $1 tenant, $2 member, $3 mode. */
export const setMode: Statement = {
  name: "presence_set_mode",
  text: `
  insert into presence (tenant_id, member_id, mode) values ($1, $2, $3)
  on conflict (tenant_id, member_id) do update set mode = excluded.mode`,
};

export interface PresenceRow {
  readonly member_id: string;
  readonly mode: number;
  readonly last_seen_time: Date | null;
  /** Whether it subscribes, whatever it lets others know. */
  readonly present: boolean;
}

const session = (member: string) => `exists (
      select from presence_session s join presence_lease l on l.tenant_id = $1 and l.server = s.server
      where s.tenant_id = $1 and s.member_id = ${member} and l.expire_time > statement_timestamp())`;
const columns = `m.id as member_id, coalesce(p.mode, 1) as mode, p.last_seen_time, ${session("m.id")} as present`;
const source = "member m left join presence p on p.tenant_id = $1 and p.member_id = m.id";

/** Members with whom the caller shares a conversation, and itself. $1 tenant, $2 caller, $3 members. */
export const listPresence = forEachViewer<PresenceRow>("presence_list", (kind) => {
  const own = kind === "tenant" ? "tenant" : "member";
  const sees = visible(own);
  return `
  select ${columns} from ${source}
  where m.tenant_id = $1 and m.id = any($3::text[]) and m.delete_time is null and ${isOn} and (
    ${own === "tenant" ? `${sees} or` : ""} m.id = $2::text
    or exists (select from conversation c
      where c.tenant_id = $1 and c.owner_id = m.id and c.delete_time is null and ${sees})
    or exists (select from participant a join conversation c on c.tenant_id = $1 and c.id = a.conversation_id
      where a.tenant_id = $1 and a.member_id = m.id and c.delete_time is null and ${sees}))`;
});

/** Members as they are. $1 tenant, $2 members; null: those that subscribe. */
export const readPresence: Statement<PresenceRow> = {
  name: "presence_read",
  text: `
  select ${columns} from ${source}
  where m.tenant_id = $1 and m.delete_time is null and ${isOn}
    and m.id in (select unnest($2::text[]) union all
      select s.member_id from presence_session s where s.tenant_id = $1 and $2::text[] is null)`,
};

/** Who of some members shares a conversation with whom of others. $1 tenant, $2 who asks, $3 of whom. */
export const sharing: Statement<{ viewer_id: string; member_id: string }> = {
  name: "presence_sharing",
  text: `
  with takes as (
    select p.conversation_id, p.member_id from participant p where p.tenant_id = $1 and p.member_id = any($3::text[])
    union select c.id, c.owner_id from conversation c where c.tenant_id = $1 and c.owner_id = any($3::text[])
  )
  select distinct v.member_id as viewer_id, t.member_id
  from takes t join conversation c on c.tenant_id = $1 and c.id = t.conversation_id
  cross join lateral (
    select p.member_id from participant p
    where p.tenant_id = $1 and p.conversation_id = c.id and p.member_id = any($2::text[])
    union all select c.owner_id where c.owner_id = any($2::text[])) v
  where c.delete_time is null`,
};

/** Erases what is known of a member. $1 tenant, $2 member. */
export const erase: Statement = {
  name: "presence_erase",
  text: `
  with sessions as (delete from presence_session s where s.tenant_id = $1 and s.member_id = $2)
  delete from presence p where p.tenant_id = $1 and p.member_id = $2`,
};

/** Forgets who is and was here in a tenant; what members chose stays. $1 tenant. */
export const forgetAll: Statement = {
  name: "presence_forget",
  text: `
  with sessions as (delete from presence_session s where s.tenant_id = $1)
  update presence p set last_seen_time = null where p.tenant_id = $1 and p.last_seen_time is not null`,
};
