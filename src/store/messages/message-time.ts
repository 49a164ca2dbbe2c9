// The time of new messages, the same for the conversation and for its latest message.

/** For a statement that may wait for the conversation: the time when it has it. */
export const WHEN_LOCKED = "date_trunc('milliseconds', clock_timestamp())";

/**
 * Sets both times of a conversation that gets entries, from a single read of the clock: by default when the statement came.
 *
 * @param isSpoken whether one of them is a message: others leave the time of the latest message as it is
 */
export function setMessageTime(
  updateTime: string,
  isSpoken: string,
  clock = "date_trunc('milliseconds', statement_timestamp())",
): string {
  const messageTime = updateTime.replace("update_time", "last_message_time");
  return `(update_time, last_message_time) = (
        select clock.now, case when ${isSpoken} then clock.now else ${messageTime} end
        from (select greatest(${updateTime}, ${clock}) as now) clock)`;
}

/** How many of some kinds, an array with null for a message, are messages. */
export function countMessages(kinds: string): string {
  return `cardinality(array_positions(${kinds}::smallint[], null))`;
}
