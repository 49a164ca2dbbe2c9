// Follows logs: an iterator that connects again by itself and goes on where it was.
import type { Client } from "@connectrpc/connect";
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import type { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { type Connection, resilient, type StreamOptions } from "./stream.ts";

export interface SubscribeOptions extends StreamOptions {
  /** The conversation. Default: all that the caller may see. */
  readonly conversationId?: string;
  /** The entry of the conversation to go on after. Default: 0, from the beginning. */
  readonly afterSeq?: bigint;
  /** The cursor of the last entry that was handled, to go on in another process. Default: none. */
  readonly cursor?: string;
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
  { conversationId = "", afterSeq = 0n, cursor: from = "", ...options }: SubscribeOptions,
  connection: Connection,
): AsyncGenerator<SubscriptionEntry> {
  let cursor = from;
  const open = (signal: AbortSignal) => client.subscribe({ conversationId, afterSeq, cursor }, { signal });
  for await (const { event, cursor: reached } of resilient(open, options, SILENCE_MS, connection)) {
    cursor = reached;
    if (event) yield { event, cursor };
  }
}
