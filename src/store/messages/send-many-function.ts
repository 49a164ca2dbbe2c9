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

/** For each kind of viewer, with the parameters of `sendManyNamed`; the last is null where no message has a client id. */
export const sendManyFunctions: Readonly<Record<ViewerKind, RoutedFunction>> = byViewer((kind) =>
  routedFunction(`log_send_many_${kind}`, PARAMETERS, COLUMNS, bodyFor(kind)),
);

/** In `ask` the ordinal of a send, in `place` that of a message, of all. Both read the arrays of the parameters. */
function bodyFor(kind: ViewerKind): string {
  const caller = "$3[ask]";
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
      for ask in 1 .. asks loop
        begin_at := finish + 1;
        finish := finish + $9[ask];
        for place in begin_at .. finish loop
          continue when $19[place] is null;
          select m.id, ${isSame("$4[ask]")} as same into before
          from (select $13[place] as role, $14[place] as content, $15[place] as metadata, $16[place] as client_time,
            $17[place] as kind, $18[place] as parts) n
          join message m on m.tenant_id = $1 and m.conversation_id = $2 and m.client_id = $19[place]
          ${JOIN_ORIGINAL};
          continue when not found;
          stored[place] := before.id;
          fresh[place] := false;
          known_of[ask] := coalesce(known_of[ask], '[]') || to_jsonb($19[place]);
          if not before.same then
            takings[ask] := least(takings[ask], $19[place]);
          end if;
        end loop;
        continue when not mine[ask];
        select ${writable(kind, caller)} as writable into before
        from conversation c
        where c.tenant_id = $1 and c.id = $2 and ${visible(kind, caller)} and (not $10[ask] or ${takesPart(caller)});
        continue when not found;
        sees[ask] := true;
        writes[ask] := before.writable;
        continue when not before.writable or target.status = 3 or takings[ask] is not null;
        if $7[ask] is not null then
          insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids, create_time)
          values ($1, $5[ask], $6[ask], $7[ask], $8[ask], stored[begin_at:finish], now())
          on conflict (tenant_id, caller, method, key) do update
            set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null,
              create_time = excluded.create_time
            where excluded.create_time - idempotency.create_time > interval '24 hours';
          continue when not found;
        end if;
        passes[ask] := true;
        for place in begin_at .. finish loop
          continue when not fresh[place];
          counts[ask] := counts[ask] + 1;
          spoken := spoken + ($17[place] is null)::integer;
        end loop;
        total := total + counts[ask];
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
      for place in 1 .. cardinality($12) loop
        continue when not fresh[place] or not passes[$11[place]];
        number := number + 1;
        insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time,
          kind, parts, client_id)
        values ($1, $2, number, $12[place], $13[place], $4[$11[place]], $14[place], $15[place]::jsonb, $16[place],
          added_at, $17[place], $18[place], $19[place]);
      end loop;
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
