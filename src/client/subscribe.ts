// Follows logs: an iterator that connects again by itself and goes on where it was.
import type { Client } from "@connectrpc/connect";
import type { Draft } from "../../gen/colloquy/v1/draft_pb.ts";
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import type { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import type { Presence } from "../../gen/colloquy/v1/presence_pb.ts";
import type { Signal } from "../../gen/colloquy/v1/signal_pb.ts";
import { type Connection, resilient, type StreamOptions } from "./stream.ts";

export interface SubscribeOptions extends StreamOptions {
  /** The conversation. Default: all that the caller may see. */
  readonly conversationId?: string;
  /** The entry of the conversation to go on after. Default: 0, from the beginning. */
  readonly afterSeq?: bigint;
  /** The cursor of the last entry that was handled, to go on in another process. Default: none. */
  readonly cursor?: string;
  /**
   * Told of each signal, such as that somebody is typing; those of before a connection broke may come again. Default:
   * none are asked for.
   */
  readonly onSignal?: (signal: Signal) => void;
  /**
   * Told of each draft of the caller that changes on any of its devices, without a message if it was deleted. Only of
   * all conversations. After an interruption, list the drafts. Default: none are asked for.
   */
  readonly onDraft?: (draft: Draft) => void;
  /**
   * Told of each member that comes or goes, of those with whom the caller shares a conversation. Only of all
   * conversations. At the beginning, and after an interruption, list who is here. Default: none are asked for.
   */
  readonly onPresence?: (presence: Presence) => void;
  /** Whether the calling member is not online because of this. Default: false. */
  readonly background?: boolean;
}

/** An entry, and the cursor with which a later subscription goes on after it. */
export interface SubscriptionEntry {
  readonly event: Event;
  readonly cursor: string;
}

/** Longer than the server is ever silent, in milliseconds. */
const SILENCE_MS = 40_000;

/** Every entry once, those of one conversation in the order of `seq`. Throws what waiting does not mend. */
export async function* subscribe(
  client: Client<typeof EventService>,
  { conversationId = "", afterSeq = 0n, cursor: from = "", ...more }: SubscribeOptions,
  connection: Connection,
): AsyncGenerator<SubscriptionEntry> {
  const { onSignal, onDraft, onPresence, background = false, ...options } = more;
  let cursor = from;
  const included = {
    includeSignals: onSignal !== undefined,
    includeDrafts: onDraft !== undefined,
    includePresence: onPresence !== undefined,
    background,
  };
  const open = (signal: AbortSignal) => client.subscribe({ conversationId, afterSeq, cursor, ...included }, { signal });
  for await (const response of resilient(open, options, SILENCE_MS, connection)) {
    const { event, cursor: reached, signal, draft, presence } = response;
    if (signal) onSignal?.(signal);
    if (draft) onDraft?.(draft);
    if (presence) onPresence?.(presence);
    // What is no entry has no place.
    if (reached !== "") cursor = reached;
    if (event) yield { event, cursor };
  }
}
