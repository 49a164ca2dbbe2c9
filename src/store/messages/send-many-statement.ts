// The statement for several sends to one conversation, each with its own outcome.
import type { SendRow } from "../log/statements.ts";
import { forEachViewer, takesPart, visible, writable } from "../visibility.ts";
import { setMessageTime } from "./message-time.ts";

/** The outcome of one of the sends. */
export interface SendManyRow extends SendRow {
  /** Its position among them, from 1. */
  readonly ordinal: number;
  /** False: its caller does not see the conversation. */
  readonly visible: boolean;
}

/**
 * Like `send` for each of several, in order, in one transaction. No two may have the same request id. The callers are
 * of one kind; each is checked by itself, and a refused one does not affect the others.
 *
 * `c` is the conversation, locked for as long as the transaction lasts, as in `send`. $1 tenant, $2 id; of the sends:
 * $3 callers, $4 senders, $5 callers' names, $6 methods, $7 request ids or nulls, $8 fingerprints, $9 numbers of
 * messages, $10 whether only those who take part see it; of the messages: $11 the ordinals of their sends, $12 ids, $13
 * roles, $14 contents, $15 metadata, $16 client times, $17 kinds (null: a message), $18 parts (JSON text
 * or null).
 */
export const sendMany = forEachViewer<SendManyRow>(
  "log_send_many",
  (kind) => `
  with asked as materialized (
    select a.*, a.key is null
        or pg_try_advisory_xact_lock(hashtextextended($1::uuid::text || a.name || a.method || a.key, 0)) as mine
    from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::integer[],
        $10::boolean[])
      with ordinality as a(caller, sender, name, method, key, fingerprint, count, participants_only, ordinal)
  ), message_of as materialized (
    select m.*, row_number() over (partition by m.ask order by m.place) as number
    from unnest($11::integer[], $12::uuid[], $13::smallint[], $14::text[], $15::text[], $16::timestamptz[],
        $17::smallint[], $18::text[])
      with ordinality as m(ask, id, role, content, metadata, client_time, kind, parts, place)
  ), target as materialized (
    select c.id, c.status, c.owner_id from conversation c
    where c.tenant_id = $1 and c.id = $2::uuid and c.delete_time is null
    for no key update of c
  ), judged as materialized (
    select a.*, c.status, ${writable(kind, "a.caller")} as writable
    from asked a cross join target c where a.mine and ${visible(kind, "a.caller")}
      and (not a.participants_only or ${takesPart("a.caller")})
  ), claim as (
    insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids)
    select $1, j.name, j.method, j.key, j.fingerprint,
      (select array_agg(m.id order by m.place) from message_of m where m.ask = j.ordinal)
    from judged j where j.key is not null and j.writable and j.status <> 3
    on conflict (tenant_id, caller, method, key) do update
      set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null, create_time = now()
      where idempotency.create_time < now() - interval '24 hours'
    returning idempotency.caller, idempotency.method, idempotency.key
  ), passed as materialized (
    select j.ordinal, j.sender, j.count, sum(j.count) over (order by j.ordinal) as upto,
      (select count(*) from message_of m where m.ask = j.ordinal and m.kind is null) as spoken
    from judged j
    where j.writable and j.status <> 3 and (j.key is null or exists (
      select from claim k where k.caller = j.name and k.method = j.method and k.key = j.key))
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + t.total,
      message_count = c.message_count + t.spoken,
      ${setMessageTime("c.update_time", "t.spoken > 0")}
    from (select sum(p.count)::bigint as total, sum(p.spoken)::bigint as spoken from passed p) t
    where c.tenant_id = $1 and c.id = $2::uuid and t.total is not null
    returning c.last_seq - t.total as before, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time,
      kind, parts)
    select $1, $2::uuid, b.before + p.upto - p.count + m.number, m.id, m.role, p.sender, m.content, m.metadata::jsonb,
      m.client_time, b.update_time, m.kind, m.parts
    from bump b, passed p join message_of m on m.ask = p.ordinal
  )
  select a.ordinal::integer as ordinal, not a.mine as in_progress, j.ordinal is not null as visible,
    coalesce(j.writable, false) as writable, coalesce(j.status, 0::smallint) as status,
    (a.key is null or p.ordinal is not null) as claimed, (b.before + p.upto)::bigint as last_seq, b.update_time as create_time
  from asked a left join judged j on j.ordinal = a.ordinal left join passed p on p.ordinal = a.ordinal
    left join bump b on p.ordinal is not null
  order by a.ordinal`,
  { changes: true, extendsLog: 1 },
);
