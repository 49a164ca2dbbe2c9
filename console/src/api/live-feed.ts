// Follows the log of a conversation, or of all that the caller sees, while the page is visible.
import { Code, createClient } from "@connectrpc/connect";
import { useEffect, useEffectEvent, useState } from "react";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { subscribe } from "../../../src/client/subscribe.ts";
import { useServices } from "../app/services.ts";
import { follow } from "./follow.ts";
import { throttled } from "./throttled.ts";

/** A hidden page gives up its stream after so long: browsers open six connections to a server over HTTP/1.1. */
const HIDDEN_MS = 20_000;
/** Entries of so long are taken together: each time, the page is drawn anew. */
const GATHER_MS = 100;

export interface FeedOptions {
  /** Default: all that the caller sees. */
  readonly conversationId?: string;
  /** The entry of the conversation to begin after. Undefined: it is not known yet, and nothing is followed. */
  readonly afterSeq?: bigint | undefined;
  readonly onEvents: (events: readonly Event[]) => void;
  /**
   * Called when the feed ends, and when it is there again: what the caller sees may be another, and entries may have
   * been missed. Read anew.
   */
  readonly onGap: () => void;
}

export interface LiveFeed {
  /** Whether it has ended, and is tried anew. */
  readonly isLost: boolean;
}

export function useLiveFeed({ conversationId = "", afterSeq, onEvents, onGap }: FeedOptions): LiveFeed {
  const { transport, connection } = useServices();
  const [isLost, setIsLost] = useState(false);
  const isKnown = conversationId === "" || afterSeq !== undefined;
  const take = useEffectEvent(onEvents);
  const missed = useEffectEvent(onGap);
  const first = useEffectEvent(() => afterSeq ?? 0n);
  useEffect(() => {
    if (!isKnown) return;
    const events = createClient(EventService, transport);
    let place = { afterSeq: first(), cursor: "" };
    let running: AbortController | undefined;
    let hiding: ReturnType<typeof setTimeout> | undefined;
    let gathered: Event[] = [];
    const taking = throttled(() => {
      const these = gathered;
      gathered = [];
      take(these);
    }, GATHER_MS);

    async function* open(signal: AbortSignal) {
      const options = { conversationId, background: true, signal, onInterruption: () => connection.lost() };
      const from = place.cursor === "" ? { afterSeq: place.afterSeq } : { cursor: place.cursor };
      for await (const { event, cursor } of subscribe(events, { ...options, ...from }, { renews: false })) {
        place = { ...place, cursor };
        gathered.push(event);
        taking.call();
        yield;
      }
    }
    const tell = (isGone: boolean) => {
      setIsLost(isGone);
      missed();
    };
    const start = () => {
      if (running !== undefined) return;
      running = new AbortController();
      const following = {
        open,
        lost: () => tell(true),
        back: () => tell(false),
        refused({ code }: { readonly code: Code }) {
          // The cursor is too old.
          if (code === Code.InvalidArgument) place = { afterSeq: first(), cursor: "" };
        },
      };
      void follow(following, running.signal);
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
        tell(false);
      }
    };
    start();
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(hiding);
      taking.stop();
      stop();
    };
  }, [conversationId, isKnown, transport, connection]);
  return { isLost };
}
