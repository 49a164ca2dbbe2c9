// The time of new messages, the same for the conversation and for its latest message.

/** Sets both times of a conversation that gets messages, from a single read of the clock. */
export function setMessageTime(updateTime: string, clock = "date_trunc('milliseconds', clock_timestamp())"): string {
  return `(update_time, last_message_time) = (
        select t.now, t.now from (select greatest(${updateTime}, ${clock}) as now) t)`;
}
