// What is counted of messages, as statements that read messages select it.

/**
 * Number of replies, when the last was sent in milliseconds (empty: none), the caller's own reactions with spaces
 * between them, and all kinds in JSON as they are stored, with commas between the four: `2,1764000000000,👍
 * :ship-it:,[["👍", 3]]`. `domain/reactions/tally.ts` reads it. As one text it is made and read in half the time that
 * JSON takes.
 */
export type Tally = string;

/**
 * The counts of message `m` of a conversation, selected as `tally`. Rows without any are not looked for, nor what a
 * fork inherits. `$1` is the tenant, `$2` the actor who asks.
 */
export function tallyOf(m: string, conversation = `${m}.conversation_id`, caller = "$2::text"): string {
  return `case when ${m}.tallied${conversation.startsWith(`${m}.conv`) ? "" : ` and ${m}.conversation_id = ${conversation}`} then (
      select concat(t.reply_count, ',', (extract(epoch from t.last_reply_time) * 1000)::bigint, ',', (
        select string_agg(r.name, ' ') from reaction r
        where r.tenant_id = $1 and r.conversation_id = t.conversation_id and r.seq = t.seq and r.actor = ${caller}),
        ',', t.reactions)
      from message_tally t where t.tenant_id = $1 and t.conversation_id = ${conversation} and t.seq = ${m}.seq
    ) end as tally`;
}
