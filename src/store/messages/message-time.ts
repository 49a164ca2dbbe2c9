// When messages come: one moment for the conversation and for what it says of its latest message.

/** Sets both times of a conversation that gets messages. The clock is read once: twice, it may have moved on in between. */
export function setMessageTime(updateTime: string, clock = "date_trunc('milliseconds', clock_timestamp())"): string {
  return `(update_time, last_message_time) = (
        select t.now, t.now from (select greatest(${updateTime}, ${clock}) as now) t)`;
}
