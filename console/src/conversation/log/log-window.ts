// The part of a log that is on the page: messages in their order, and whether there are more on either side.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";

export interface LogWindow {
  /** In the order of `seq`. */
  readonly messages: readonly Message[];
  readonly hasEarlier: boolean;
  readonly hasLater: boolean;
}

/** Messages on the page at most: past it, those at the other end are let go, and read again when one goes back. */
export const MAX_MESSAGES = 200;

export const EMPTY: LogWindow = { messages: [], hasEarlier: false, hasLater: false };

/** Adds what was read before the window. */
export function withEarlier(window: LogWindow, earlier: readonly Message[], hasEarlier: boolean): LogWindow {
  const messages = merged(window.messages, earlier);
  const kept = messages.slice(0, MAX_MESSAGES);
  return { messages: kept, hasEarlier, hasLater: window.hasLater || kept.length < messages.length };
}

/** Adds what was read after the window. */
export function withLater(window: LogWindow, later: readonly Message[], hasLater: boolean): LogWindow {
  const messages = merged(window.messages, later);
  const kept = messages.slice(-MAX_MESSAGES);
  return { messages: kept, hasEarlier: window.hasEarlier || kept.length < messages.length, hasLater };
}

/** Takes messages as they are now: in place of what the window has of them, or at its end if nothing lies between. */
export function withMessages(window: LogWindow, messages: readonly Message[]): LogWindow {
  const known = new Set(window.messages.map(({ id }) => id));
  const last = window.messages.at(-1)?.seq ?? 0n;
  const taken = messages.filter(({ id, seq }) => known.has(id) || (!window.hasLater && seq > last));
  return taken.length === 0 ? window : withLater(window, taken, window.hasLater);
}

function merged(messages: readonly Message[], more: readonly Message[]): Message[] {
  const all = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) all.set(message.id, message);
  return [...all.values()].sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0));
}
