// The send as a function, for distributed tables: the same steps as the statement's, in the same order.
import { mayNameFile } from "../files/access.ts";
import { countMessages, setMessageTime } from "../messages/message-time.ts";
import { type RoutedFunction, routedFunction } from "../sharding/routed-function.ts";
import { byViewer, takesPart, type ViewerKind, visible, writable } from "../visibility.ts";

const PARAMETERS = [
  ...["uuid", "text", "uuid", "text", "uuid[]", "smallint[]", "text[]", "text[]", "timestamptz[]"],
  ...["text", "text", "text", "bytea", "boolean", "smallint[]", "text[]", "uuid[]", "integer[]", "uuid[]"],
];

const COLUMNS = {
  in_progress: "boolean",
  writable: "boolean",
  status: "smallint",
  claimed: "boolean",
  files: "uuid[]",
  last_seq: "bigint",
  create_time: "timestamptz",
};

/** One call with this request id at a time; the second is refused instead of waiting while it holds the conversation. */
export const takesTurn = (name: string, method: string, key: string) =>
  `pg_try_advisory_xact_lock(hashtextextended($1::text || ${name} || ${method} || ${key}, 0))`;

const ADDED =
  "tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time, kind, parts";

/** For each kind of viewer, with the parameters of `sendWithFiles`; the last three are null where no file is named. */
export const sendFunctions: Readonly<Record<ViewerKind, RoutedFunction>> = byViewer((kind) =>
  routedFunction(`log_send_${kind}`, PARAMETERS, COLUMNS, bodyFor(kind)),
);

/** A single message is a statement whose plan is kept; for many, one that adds all costs far less. */
function bodyFor(kind: ViewerKind): string {
  return `
  declare
    target record;
    held uuid[];
    moment timestamptz;
    moved record;
    spoken integer := ${countMessages("$15")};
  begin
    if $12 is not null and not ${takesTurn("$10", "$11", "$12")} then
      return query select true, false, 0::smallint, false, null::uuid[], null::bigint, null::timestamptz;
      return;
    end if;
    select c.status, ${writable(kind, "$2")} as writable into target
    from conversation c
    where c.tenant_id = $1 and c.id = $3 and c.delete_time is null and ${visible(kind, "$2")}
      and (not $14 or ${takesPart("$2")})
    for no key update of c;
    if not found then
      return;
    end if;
    moment := date_trunc('milliseconds', clock_timestamp());
    if $17 is not null and target.writable and target.status <> 3 then
      select array_agg(h.id) into held from (
        select f.id from file f where f.tenant_id = $1 and f.id = any($17) and ${mayNameFile(kind, "$2", "$4")}
        order by f.id for no key update of f) h;
    end if;
    if not target.writable or target.status = 3 or coalesce(cardinality(held), 0) <> coalesce(cardinality($17), 0) then
      return query select false, target.writable, target.status, $12 is null, held, null::bigint, null::timestamptz;
      return;
    end if;
    if $12 is not null then
      insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids, create_time)
      values ($1, $10, $11, $12, $13, $5, now())
      on conflict (tenant_id, caller, method, key) do update
        set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null,
          create_time = excluded.create_time
        where excluded.create_time - idempotency.create_time > interval '24 hours';
      if not found then
        return query select false, true, target.status, false, held, null::bigint, null::timestamptz;
        return;
      end if;
    end if;
    update conversation c set
      last_seq = c.last_seq + cardinality($5),
      message_count = c.message_count + spoken,
      ${setMessageTime("c.update_time", "spoken > 0", "moment")}
    where c.tenant_id = $1 and c.id = $3
    returning c.last_seq, c.update_time into moved;
    if cardinality($5) = 1 then
      insert into message (${ADDED})
      values ($1, $3, moved.last_seq, $5[1], $6[1], $4, $7[1], $8[1]::jsonb, $9[1], moved.update_time, $15[1], $16[1]);
    else
      insert into message (${ADDED})
      select $1, $3, moved.last_seq - cardinality($5) + n.place, n.id, n.role, $4, n.content, n.metadata::jsonb,
        n.client_time, moved.update_time, n.kind, n.parts
      from unnest($5, $6, $7, $8, $9, $15, $16) with ordinality
        as n(id, role, content, metadata, client_time, kind, parts, place);
    end if;
    if $18 is not null then
      insert into file_use (tenant_id, file_id, conversation_id, seq, create_time)
      select $1, n.file_id, $3, moved.last_seq - cardinality($5) + n.place, moved.update_time
      from unnest($18, $19) as n(place, file_id);
    end if;
    if held is not null then
      update file f set named = true where f.tenant_id = $1 and f.id = any(held) and not f.named;
    end if;
    return query select false, true, target.status, true, held, moved.last_seq, moved.update_time;
  end`;
}
