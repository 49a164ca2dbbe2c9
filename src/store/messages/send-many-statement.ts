// The statement for several sends to one conversation, each with its own outcome.
import type { SendRow } from "../log/statements.ts";
import { forEachViewer, takesPart, type ViewerKind, visible, writable } from "../visibility.ts";
import { setMessageTime, WHEN_LOCKED } from "./message-time.ts";
import { sendManyFunctions } from "./send-many-function.ts";
import { isSame, JOIN_ORIGINAL } from "./sent-before-statement.ts";

/** The outcome of one of the sends. */
export interface SendManyRow extends SendRow {
  /** Its position among them, from 1. */
  readonly ordinal: number;
  /** False: its caller does not see the conversation. */
  readonly visible: boolean;
  /** The client ids of its messages that were there before, and so were not added. Null or left out: none. */
  readonly known?: readonly string[] | null;
  /** One of them that was sent with other content, or by another sender: nothing was added. Null or left out: none. */
  readonly taken?: string | null;
}

/** The messages that are there already, compared with what they were when they were sent. */
const KNOWN = `known as materialized (
    select n.ask, n.place, m.id, n.client_id, ${isSame("a.sender")} as same
    from message_of n join asked a on a.ordinal = n.ask
    join message m on m.tenant_id = $1 and m.conversation_id = $2::uuid and m.client_id = n.client_id
    ${JOIN_ORIGINAL}
  ), `;

const IS_NEW = "not exists (select from known k where k.place = m.place)";

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
export const sendMany = forEachViewer<SendManyRow>("log_send_many", (kind) => statementFor(kind, false), {
  sharded: (kind) => sendManyFunctions[kind].call(18),
  changes: true,
  extendsLog: 1,
});

/**
 * The same for messages with client ids, no two the same: of those that the conversation has none is added. In addition
 * $19 client ids or nulls.
 */
export const sendManyNamed = forEachViewer<SendManyRow>("log_send_named", (kind) => statementFor(kind, true), {
  sharded: (kind) => sendManyFunctions[kind].call(),
  changes: true,
  extendsLog: 1,
});

function statementFor(kind: ViewerKind, named: boolean): string {
  const when = (text: string) => (named ? text : "");
  const mayAdd = `j.writable and j.status <> 3${when(" and j.taken is null")}`;
  return `
  with asked as materialized (
    select a.*, a.key is null
        or pg_try_advisory_xact_lock(hashtextextended($1::uuid::text || a.name || a.method || a.key, 0)) as mine
    from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::integer[],
        $10::boolean[])
      with ordinality as a(caller, sender, name, method, key, fingerprint, count, participants_only, ordinal)
  ), message_of as materialized (
    select m.*, row_number() over (partition by m.ask order by m.place) as number
    from unnest($11::integer[], $12::uuid[], $13::smallint[], $14::text[], $15::text[], $16::timestamptz[],
        $17::smallint[], $18::text[]${when(", $19::text[]")})
      with ordinality as m(ask, id, role, content, metadata, client_time, kind, parts${when(", client_id")}, place)
  ), target as materialized (
    select c.id, c.status, c.owner_id from conversation c
    where c.tenant_id = $1 and c.id = $2::uuid and c.delete_time is null
    for no key update of c
  ), ${when(KNOWN)}judged as materialized (
    select a.*, c.status, ${writable(kind, "a.caller")} as writable${when(`,
      (select min(k.client_id) from known k where k.ask = a.ordinal and not k.same) as taken`)}
    from asked a cross join target c where a.mine and ${visible(kind, "a.caller")}
      and (not a.participants_only or ${takesPart("a.caller")})
  ), claim as (
    insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids, create_time)
    select $1, j.name, j.method, j.key, j.fingerprint, (
      select array_agg(${named ? "coalesce((select k.id from known k where k.place = m.place), m.id)" : "m.id"} order by m.place)
      from message_of m where m.ask = j.ordinal), now()
    from judged j where j.key is not null and ${mayAdd}
    on conflict (tenant_id, caller, method, key) do update
      set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null,
        create_time = excluded.create_time
      where excluded.create_time - idempotency.create_time > interval '24 hours'
    returning idempotency.caller, idempotency.method, idempotency.key
  ), passed as materialized (
    select j.ordinal, j.sender, j.count, sum(j.count) over (order by j.ordinal) as upto, j.spoken
    from (
      select j.ordinal, j.sender, ${named ? "n.count" : "j.count"}, n.spoken from judged j cross join lateral (
        select ${when("count(*) as count, ")}count(*) filter (where m.kind is null) as spoken
        from message_of m where m.ask = j.ordinal ${when(`and ${IS_NEW}`)}
      ) n
      where ${mayAdd} and (j.key is null or exists (
        select from claim k where k.caller = j.name and k.method = j.method and k.key = j.key))
    ) j
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + t.total,
      message_count = c.message_count + t.spoken,
      ${setMessageTime("c.update_time", "t.spoken > 0", WHEN_LOCKED)}
    from (select sum(p.count)::bigint as total, sum(p.spoken)::bigint as spoken from passed p) t
    where c.tenant_id = $1 and c.id = $2::uuid and t.total ${named ? "> 0" : "is not null"}
    returning c.last_seq - t.total as before, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time,
      kind, parts${when(", client_id")})
    select $1, $2::uuid, b.before + p.upto - p.count + m.number, m.id, m.role, p.sender, m.content, m.metadata::jsonb,
      m.client_time, b.update_time, m.kind, m.parts${when(", m.client_id")}
    from bump b, passed p join ${
      named
        ? `(
      select m.ask, m.id, m.role, m.content, m.metadata, m.client_time, m.kind, m.parts, m.client_id,
        row_number() over (partition by m.ask order by m.place) as number
      from message_of m where ${IS_NEW}
    )`
        : "message_of"
    } m on m.ask = p.ordinal
  )
  select a.ordinal::integer as ordinal, not a.mine as in_progress, j.ordinal is not null as visible,
    coalesce(j.writable, false) as writable, coalesce(j.status, 0::smallint) as status,
    (a.key is null or p.ordinal is not null) as claimed, (b.before + p.upto)::bigint as last_seq, b.update_time as create_time${when(`,
    j.taken, (select array_agg(k.client_id) from known k where k.ask = a.ordinal) as known`)}
  from asked a left join judged j on j.ordinal = a.ordinal left join passed p on p.ordinal = a.ordinal
    left join bump b on p.ordinal is not null
  order by a.ordinal`;
}
