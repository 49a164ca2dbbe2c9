// The part of a log that is on the page: messages in their order, and whether there are more on either side.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";

export interface LogWindow {
  /** In the order of `seq`. */
  readonly messages: readonly Message[];
  readonly hasEarlier: boolean;
  readonly hasLater: boolean;
}

/** Messages on the page at most: past it, those at the other end are let go, and read again when one goes back. */
export const MAX_MESSAGES = 600;

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

/** Takes a message as it is now: in place of what the window has of it, or at its end if nothing lies between. */
export function withMessage(window: LogWindow, message: Message): LogWindow {
  const isKnown = window.messages.some(({ id }) => id === message.id);
  if (!isKnown && window.hasLater) return window;
  return isKnown ? { ...window, messages: merged(window.messages, [message]) } : withLater(window, [message], false);
}

function merged(messages: readonly Message[], more: readonly Message[]): Message[] {
  const all = new Map(messages.map((message) => [message.id, message]));
  for (const message of more) all.set(message.id, message);
  return [...all.values()].sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0));
}
