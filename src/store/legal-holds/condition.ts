// Whether a legal hold keeps something from being erased, as SQL for the statements that erase. `$1` is the tenant. Its
// rows have names that no other statement gives to its own, for expressions of those stand within.

/** Without it, PostgreSQL may hash a whole table first, if it estimates few rows, instead of looking one up. */
export const ONE_BY_ONE = "offset 0";

/** Columns of a rule that say which conversations match; null: any. Both arguments are names of rows. */
export function matches(rule: string, conversation: string): string {
  const r = rule;
  const c = conversation;
  return `((${r}.entity_type is null or ${r}.entity_type = ${c}.entity_type) and (${r}.mode is null or ${r}.mode = ${c}.mode)
      and (${r}.call_type is null or ${r}.call_type = ${c}.call_type) and (${r}.agent is null or ${r}.agent = ${c}.agent)
      and (${r}.status is null or ${r}.status = ${c}.status) and (${r}.labels is null or ${c}.labels @> ${r}.labels)
      and (${r}.owner_role is null or exists (select from member rule_owner
        where rule_owner.tenant_id = $1 and rule_owner.id = ${c}.owner_id and rule_owner.role = ${r}.owner_role ${ONE_BY_ONE})))`;
}

/** Whether the tenant has a hold in force, which is asked first: it is one look for all rows. */
const ANY_HOLD =
  "exists (select from legal_hold any_hold where any_hold.tenant_id = $1 and any_hold.lift_time is null)";

/** Whether a hold covers a conversation by what it is now. */
const COVERS = `case when hold.kind = 1 then true when hold.kind = 3 then hold.conversation_id = covered.id
      when hold.kind = 4 then ${matches("hold", "covered")}
      else covered.owner_id = hold.member_id or covered.creator = hold.member_id or exists (
        select from participant held_part where held_part.tenant_id = $1 and held_part.conversation_id = covered.id
          and held_part.member_id = hold.member_id ${ONE_BY_ONE}) end`;

/**
 * Whether the log of a conversation has to do with the member of a hold: it is read where there are such holds.
 *
 * @param from an expression for the first entry that counts
 */
const wrote = (from: string) => `(hold.kind = 2 and (
      exists (select from message held_entry where held_entry.tenant_id = $1 and held_entry.conversation_id = covered.id
        and held_entry.seq >= ${from} and held_entry.sender = hold.member_id ${ONE_BY_ONE})
      or exists (select from event held_entry where held_entry.tenant_id = $1 and held_entry.conversation_id = covered.id
        and held_entry.seq >= ${from}
        and (held_entry.actor = hold.member_id or held_entry.data ->> 'member_id' = hold.member_id) ${ONE_BY_ONE})))`;

/**
 * A subquery with the ids of the holds that cover a conversation, or a fork that shows what it says, as `id`.
 *
 * @param conversation an expression for its id
 * @param from the first entry of the log that is read for who wrote it; undefined: the log is not read
 */
export function holdsOver(conversation: string, from?: string): string {
  const covers = from === undefined ? COVERS : `(${COVERS} or ${wrote(from)})`;
  // A union, for which each conversation is found by its id: an OR would go through all of the tenant.
  return `select hold.id
    from (select ${conversation} as id union select shown_run.conversation_id from branch_run shown_run
        where shown_run.tenant_id = $1 and shown_run.source_id = ${conversation}
          and shown_run.source_id <> shown_run.conversation_id) shown
      join conversation covered on covered.tenant_id = $1 and covered.id = shown.id cross join legal_hold hold
    where hold.tenant_id = $1 and hold.lift_time is null and ${covers}`;
}

/** A condition: no hold covers the conversation with this id by what it is now. */
export function isFree(conversation: string): string {
  return `not (${ANY_HOLD} and exists (${holdsOver(conversation)}))`;
}

/** A condition: no hold covers what this actor has not sent in the conversation with this id. */
export function isUnsentFree(actor: string, conversation: string): string {
  return `not (${ANY_HOLD} and (${coversActor(actor)} or exists (${holdsOver(conversation)})))`;
}

/** A condition on file `f`: a hold covers it, by its uploader or by a conversation that names it. */
export const IS_HELD_FILE = `(${ANY_HOLD} and (${coversActor("f.uploader")} or exists (
      select from file_use held_use where held_use.tenant_id = $1 and held_use.file_id = f.id
        and exists (${holdsOver("held_use.conversation_id")}) ${ONE_BY_ONE})))`;

function coversActor(actor: string): string {
  return `exists (select from legal_hold own_hold where own_hold.tenant_id = $1 and own_hold.lift_time is null
      and (own_hold.kind = 1 or own_hold.kind = 2 and own_hold.member_id = ${actor}))`;
}
