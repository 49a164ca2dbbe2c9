// The times of new entries, the same for the conversation and for its latest message.

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

/**
 * Sets the time of a conversation that gets events: `update_time` if they are activity, else `mark_time`, which exists so
 * that it is known since when there is nothing new in its log.
 */
export function setEventTime(isActivity: string): string {
  return `(update_time, mark_time) = (
        select case when ${isActivity} then clock.now else update_time end, case when ${isActivity} then mark_time else clock.now end
        from (select greatest(update_time, mark_time, date_trunc('milliseconds', statement_timestamp())) as now) clock)`;
}

/** Sets the time of conversation `c` that gets an event which is no activity: its new `mark_time`. */
export const SET_MARK_TIME =
  "mark_time = greatest(c.update_time, c.mark_time, date_trunc('milliseconds', statement_timestamp()))";

/** When conversation `c` got its latest entry. */
export const LATEST_ENTRY_TIME = "greatest(c.update_time, c.last_message_time, c.mark_time)";

/** How many of some kinds, an array with null for a message, are messages. */
export function countMessages(kinds: string): string {
  return `cardinality(array_positions(${kinds}::smallint[], null))`;
}
