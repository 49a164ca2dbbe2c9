// What adds and removes reactions as functions, for distributed tables: the same steps as the statements', in the same
// order.
import { EventType } from "../../domain/event-type.ts";
import { MAX_KINDS } from "../../domain/reactions/reaction.ts";
import { SET_MARK_TIME } from "../messages/message-time.ts";
import { type RoutedFunction, routedFunction } from "../sharding/routed-function.ts";
import { byViewer, type ViewerKind, visible, writable } from "../visibility.ts";

const PARAMETERS = ["uuid", "text", "uuid", "text", "text"];

const COLUMNS = {
  conversation_id: "uuid",
  writable: "boolean",
  '"full"': "boolean",
  reactions: "jsonb",
  mine: "text[]",
};

/** The place of a reaction among the counts of row `t`: an element `e`, a name and a number. */
export const countIn = (name: string) =>
  `from jsonb_array_elements(t.reactions) with ordinality e where e.value ->> 0 = ${name}`;

/** The counts with that of `e` changed. Of immutable functions alone, as Citus demands of what happens to a row. */
export const recounted = (change: string) =>
  `jsonb_set(t.reactions, array[(e.ordinality - 1)::text, '1'], ((e.value ->> 1)::integer ${change})::text::jsonb)`;

/** Whether the message of row `t` takes no other kind than those that it has. $5 the reaction. */
export const isFull = `coalesce(jsonb_array_length(t.reactions) >= ${MAX_KINDS}
        and not t.reactions @> jsonb_build_array(jsonb_build_array($5::text)), false)`;

interface Change {
  readonly type: number;
  /** Whether it is done, beside that the caller may write. */
  readonly condition: string;
  /** Statements that leave in `found` whether there was something to do. */
  readonly change: string;
  /** The counts after it, of row `t` with those before it. */
  readonly counts: string;
}

const ADD: Change = {
  type: EventType.REACTION_ADDED,
  condition: "not refused",
  // Reactions refer to the row of counts.
  change: `
      insert into message_tally (tenant_id, conversation_id, seq) values ($1, target.id, target.seq) on conflict do nothing;
      insert into reaction (tenant_id, conversation_id, seq, actor, name, create_time)
      values ($1, target.id, target.seq, $4, $5, date_trunc('milliseconds', statement_timestamp()))
      on conflict do nothing;`,
  counts: `coalesce((select ${recounted("+ 1")} ${countIn("$5")}), t.reactions || jsonb_build_array(jsonb_build_array($5, 1)))`,
};

const REMOVE: Change = {
  type: EventType.REACTION_REMOVED,
  condition: "true",
  change: `
      delete from reaction r where r.tenant_id = $1 and r.conversation_id = target.id and r.seq = target.seq
        and r.actor = $4 and r.name = $5;`,
  counts: `coalesce((
          select case when (e.value ->> 1)::integer > 1 then ${recounted("- 1")}
            else t.reactions - (e.ordinality - 1)::integer end
          ${countIn("$5")}), t.reactions)`,
};

/** For each kind of viewer, with the parameters of the statements. */
export const reactionFunctions: Readonly<Record<"add" | "remove", Readonly<Record<ViewerKind, RoutedFunction>>>> = {
  add: byViewer((kind) => routedFunction(`reaction_add_${kind}`, PARAMETERS, COLUMNS, bodyFor(kind, ADD))),
  remove: byViewer((kind) => routedFunction(`reaction_remove_${kind}`, PARAMETERS, COLUMNS, bodyFor(kind, REMOVE))),
};

function bodyFor(kind: ViewerKind, { type, condition, change, counts }: Change): string {
  return `
  declare
    target record;
    counted jsonb;
    refused boolean;
    own text[];
    place bigint;
    moment timestamptz;
  begin
    select c.id, m.seq, m.tallied, ${writable(kind, "$2")} as writable into target
    from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
    where m.tenant_id = $1 and m.id = $3 and m.delete_time is null and c.delete_time is null and ${visible(kind, "$2")}
    for no key update of c;
    if not found then
      return;
    end if;
    select t.reactions into counted from message_tally t
    where t.tenant_id = $1 and t.conversation_id = target.id and t.seq = target.seq
    for no key update;
    select array_agg(r.name) into own from reaction r
    where r.tenant_id = $1 and r.conversation_id = target.id and r.seq = target.seq and r.actor = $4;
    select ${isFull} into refused from (select counted as reactions) t;
    if target.writable and ${condition} then
      ${change.trim()}
      if found then
        select ${counts} into counted from (select coalesce(counted, '[]') as reactions) t;
        update message_tally t set reactions = counted
        where t.tenant_id = $1 and t.conversation_id = target.id and t.seq = target.seq;
        if target.tallied is null then
          update message m set tallied = true
          where m.tenant_id = $1 and m.conversation_id = target.id and m.seq = target.seq;
        end if;
        update conversation c set last_seq = c.last_seq + 1,
          ${SET_MARK_TIME}
        where c.tenant_id = $1 and c.id = target.id
        returning c.last_seq, c.mark_time into place, moment;
        insert into event (tenant_id, conversation_id, seq, type, actor, create_time, data)
        values ($1, target.id, place, ${type}, $4, moment,
          jsonb_build_object('message_id', $3, 'message_seq', target.seq, 'reaction', $5));
      end if;
    end if;
    return query select target.id, target.writable, refused, counted, own;
  end`;
}
