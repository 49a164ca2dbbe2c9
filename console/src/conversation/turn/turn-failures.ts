// Where on the page failed turns stand.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Turn, TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";

/**
 * The failed turns by the entry that each stands below: the last that it wrote, or the message that it answers. One that has
 * been repeated since is left out, and so is one whose message is not on the page.
 *
 * @param turns the latest first
 * @param running the turn that is being written
 */
export function placedFailures(
  turns: readonly Turn[],
  messages: readonly Message[],
  running: Turn | undefined,
): ReadonlyMap<string, Turn> {
  const placed = new Map<string, Turn>();
  const answered = new Set(running === undefined ? [] : [running.messageId]);
  for (const turn of turns) {
    if (turn.state !== TurnState.FAILED || answered.has(turn.messageId)) continue;
    answered.add(turn.messageId);
    const at = messages.findIndex(({ id }) => id === turn.messageId);
    if (at < 0) continue;
    const next = messages[at + 1]?.turnId ?? "";
    if (next !== "" && next !== turn.id) continue;
    const last = messages.findLast(({ turnId }) => turnId === turn.id) ?? messages[at];
    if (last !== undefined) placed.set(last.id, turn);
  }
  return placed;
}

/** Takes turns as they are now, among those known; the latest first. */
export function withTurns(known: readonly Turn[], more: readonly Turn[]): readonly Turn[] {
  const all = new Map(known.map((turn) => [turn.id, turn]));
  for (const turn of more) all.set(turn.id, turn);
  // The ids are made in the order of time.
  return [...all.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}
