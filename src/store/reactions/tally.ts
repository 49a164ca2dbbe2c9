// What is counted of messages, as statements that read messages select it.

/** Counts by kind, the kinds of the caller (null: none), the number of replies and when the last was sent, in milliseconds. */
export type Tally = readonly [
  reactions: readonly (readonly [name: string, count: number])[],
  mine: string[] | null,
  replyCount: number,
  lastReplyTime: number | null,
];

/**
 * The counts of message `m` of a conversation, selected as `tally`. Rows without any are not looked for, nor what a fork
 * inherits. `$1` is the tenant, `$2` the actor who asks.
 */
export function tallyOf(m: string, conversation = `${m}.conversation_id`, caller = "$2::text"): string {
  return `case when ${m}.tallied${conversation.startsWith(`${m}.conv`) ? "" : ` and ${m}.conversation_id = ${conversation}`} then (
      select jsonb_build_array(t.reactions, (
        select jsonb_agg(r.name) from reaction r
        where r.tenant_id = $1 and r.conversation_id = t.conversation_id and r.seq = t.seq and r.actor = ${caller}),
        t.reply_count, (extract(epoch from t.last_reply_time) * 1000)::bigint)
      from message_tally t where t.tenant_id = $1 and t.conversation_id = ${conversation} and t.seq = ${m}.seq
    ) end as tally`;
}
