// Follows the log of a conversation, or of all that the caller sees, while the page is visible.
import { createClient } from "@connectrpc/connect";
import { useEffect, useEffectEvent } from "react";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { subscribe } from "../../../src/client/subscribe.ts";
import { useServices } from "../app/services.ts";

/** A hidden page gives up its stream after so long: browsers open six connections to a server over HTTP/1.1. */
const HIDDEN_MS = 20_000;

export interface FeedOptions {
  /** Default: all that the caller sees. */
  readonly conversationId?: string;
  /** The entry of the conversation to begin after. Undefined: it is not known yet, and nothing is followed. */
  readonly afterSeq?: bigint | undefined;
  readonly onEvent: (event: Event) => void;
  /** Called when entries may have been missed: read anew. */
  readonly onGap?: () => void;
}

export function useLiveFeed({ conversationId = "", afterSeq, onEvent, onGap = () => {} }: FeedOptions): void {
  const { transport, connection } = useServices();
  const isKnown = conversationId === "" || afterSeq !== undefined;
  const take = useEffectEvent(onEvent);
  const missed = useEffectEvent(onGap);
  const first = useEffectEvent(() => afterSeq ?? 0n);
  useEffect(() => {
    if (!isKnown) return;
    const events = createClient(EventService, transport);
    let place: { afterSeq: bigint; cursor: string } = { afterSeq: first(), cursor: "" };
    let running: AbortController | undefined;
    let hiding: ReturnType<typeof setTimeout> | undefined;

    const follow = async (signal: AbortSignal) => {
      const options = { conversationId, background: true, signal, onInterruption: () => connection.lost() };
      const from = place.cursor === "" ? { afterSeq: place.afterSeq } : { cursor: place.cursor };
      for await (const { event, cursor } of subscribe(events, { ...options, ...from }, { renews: false })) {
        place = { ...place, cursor };
        take(event);
      }
    };
    const start = () => {
      if (running !== undefined) return;
      const controller = new AbortController();
      running = controller;
      follow(controller.signal).catch(() => {
        if (controller.signal.aborted) return;
        // The cursor is too old, or the conversation is gone: what is read next says which.
        running = undefined;
        place = { afterSeq: first(), cursor: "" };
        missed();
      });
    };
    const stop = () => {
      running?.abort();
      running = undefined;
    };
    const onVisibility = () => {
      clearTimeout(hiding);
      if (document.visibilityState === "hidden") hiding = setTimeout(stop, HIDDEN_MS);
      else if (running === undefined) {
        start();
        missed();
      }
    };
    start();
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(hiding);
      stop();
    };
  }, [conversationId, isKnown, transport, connection]);
}
