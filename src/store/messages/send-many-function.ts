// The sends of several as a function, for distributed tables: the same steps as the statement's, in the same order.
import { takesTurn } from "../log/send-function.ts";
import { type RoutedFunction, routedFunction } from "../sharding/routed-function.ts";
import { byViewer, takesPart, type ViewerKind, visible, writable } from "../visibility.ts";
import { setMessageTime } from "./message-time.ts";
import { isSame, JOIN_ORIGINAL } from "./sent-before-statement.ts";

const PARAMETERS = [
  ...["uuid", "uuid", "text[]", "text[]", "text[]", "text[]", "text[]", "bytea[]", "integer[]", "boolean[]"],
  ...["integer[]", "uuid[]", "smallint[]", "text[]", "text[]", "timestamptz[]", "smallint[]", "text[]", "text[]"],
];

const COLUMNS = {
  ordinal: "integer",
  in_progress: "boolean",
  visible: "boolean",
  writable: "boolean",
  status: "smallint",
  claimed: "boolean",
  last_seq: "bigint",
  create_time: "timestamptz",
  taken: "text",
  known: "text[]",
};

/** As for a send, one message is a statement whose plan is kept, and several are one statement. */
const ADDED =
  "tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time, kind, parts, client_id";

/** For each kind of viewer, with the parameters of `sendManyNamed`; the last is null where no message has a client id. */
export const sendManyFunctions: Readonly<Record<ViewerKind, RoutedFunction>> = byViewer((kind) =>
  routedFunction(`log_send_many_${kind}`, PARAMETERS, COLUMNS, bodyFor(kind)),
);

/**
 * In `ask` the ordinal of a send, in `place` that of a message, of all. No statement on a table is in a loop that refers to
 * arrays by number: Citus writes them out whole each time.
 */
function bodyFor(kind: ViewerKind): string {
  return `
  declare
    asks integer := cardinality($3);
    mine boolean[];
    sees boolean[];
    writes boolean[];
    passes boolean[];
    takings text[];
    known_of jsonb[];
    stored uuid[] := $12;
    fresh boolean[] := array_fill(true, array[cardinality($12)]);
    counts bigint[];
    target record;
    before record;
    one record;
    named uuid[];
    start bigint;
    added_at timestamptz;
    moment timestamptz;
    finish integer := 0;
    begin_at integer;
    spoken bigint := 0;
    total bigint := 0;
    number bigint;
  begin
    for ask in 1 .. asks loop
      mine[ask] := $7[ask] is null or ${takesTurn("$5[ask]", "$6[ask]", "$7[ask]")};
      sees[ask] := false;
      writes[ask] := false;
      passes[ask] := false;
      counts[ask] := 0;
    end loop;
    select c.status into target from conversation c where c.tenant_id = $1 and c.id = $2 and c.delete_time is null
    for no key update of c;
    if found then
      moment := date_trunc('milliseconds', clock_timestamp());
      if $19 is not null then
        for before in
          select n.ask, n.place, m.id, n.client_id, ${isSame("$4[n.ask]")} as same
          from unnest($11, $13, $14, $15, $16, $17, $18, $19) with ordinality
            as n(ask, role, content, metadata, client_time, kind, parts, client_id, place)
          join message m on m.tenant_id = $1 and m.conversation_id = $2 and m.client_id = n.client_id
          ${JOIN_ORIGINAL}
          order by n.place
        loop
          stored[before.place] := before.id;
          fresh[before.place] := false;
          known_of[before.ask] := coalesce(known_of[before.ask], '[]') || to_jsonb(before.client_id);
          if not before.same then
            takings[before.ask] := least(takings[before.ask], before.client_id);
          end if;
        end loop;
      end if;
      for one in
        select a.ask, ${writable(kind, "a.caller")} as writable
        from unnest($3, $10) with ordinality as a(caller, part_only, ask) cross join conversation c
        where c.tenant_id = $1 and c.id = $2 and ${visible(kind, "a.caller")} and (not a.part_only or ${takesPart("a.caller")})
      loop
        sees[one.ask] := mine[one.ask];
        writes[one.ask] := mine[one.ask] and one.writable;
      end loop;
      for one in
        select a.* from unnest($5, $6, $7, $8) with ordinality as a(name, method, key, fingerprint, ask) order by a.ask
      loop
        begin_at := finish + 1;
        finish := finish + $9[one.ask];
        continue when not writes[one.ask] or target.status = 3 or takings[one.ask] is not null;
        if one.key is not null then
          named := stored[begin_at:finish];
          insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids, create_time)
          values ($1, one.name, one.method, one.key, one.fingerprint, named, now())
          on conflict (tenant_id, caller, method, key) do update
            set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null,
              create_time = excluded.create_time
            where excluded.create_time - idempotency.create_time > interval '24 hours';
          continue when not found;
        end if;
        passes[one.ask] := true;
        for place in begin_at .. finish loop
          continue when not fresh[place];
          counts[one.ask] := counts[one.ask] + 1;
          spoken := spoken + ($17[place] is null)::integer;
        end loop;
        total := total + counts[one.ask];
      end loop;
    end if;
    if total > 0 then
      update conversation c set
        last_seq = c.last_seq + total,
        message_count = c.message_count + spoken,
        ${setMessageTime("c.update_time", "spoken > 0", "moment")}
      where c.tenant_id = $1 and c.id = $2
      returning c.last_seq - total, c.update_time into start, added_at;
      number := start;
      if cardinality($12) = 1 then
        insert into message (${ADDED})
        values ($1, $2, start + 1, $12[1], $13[1], $4[1], $14[1], $15[1]::jsonb, $16[1], added_at, $17[1], $18[1], $19[1]);
      else
        insert into message (${ADDED})
        select $1, $2, start + row_number() over (order by n.place), n.id, n.role, $4[n.ask], n.content, n.metadata::jsonb,
          n.client_time, added_at, n.kind, n.parts, n.client_id
        from unnest($11, $12, $13, $14, $15, $16, $17, $18, $19, fresh) with ordinality
          as n(ask, id, role, content, metadata, client_time, kind, parts, client_id, fresh, place)
        where n.fresh and passes[n.ask];
      end if;
      number := start;
    end if;
    for ask in 1 .. asks loop
      number := number + counts[ask];
      return query select ask, not mine[ask], sees[ask], writes[ask],
        case when sees[ask] then target.status else 0::smallint end, $7[ask] is null or passes[ask],
        case when passes[ask] then number end, case when passes[ask] then added_at end,
        case when sees[ask] then takings[ask] end,
        (select array_agg(k.id order by k.place) from jsonb_array_elements_text(known_of[ask])
          with ordinality as k(id, place));
    end loop;
  end`;
}
