// Sends what is written in a box, once however often it is tried.
import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Attempt, arrived, begun, failed, NOTHING, restored, type Sending, typed } from "./sending.ts";

export interface SendingBox extends Sending {
  type(content: string): void;
  restore(content: string, attempt: Attempt | undefined): void;
  /** @param deliver makes the call, with the attempt's id as request id and client id */
  send(deliver: (attempt: Attempt) => Promise<unknown>): void;
}

/** @param messages those on the page: with the id of what was sent, it has arrived whether or not the call's response came */
export function useSending(messages: readonly Message[]): SendingBox {
  const [state, setState] = useState(NOTHING);
  const latest = useRef(state);
  const change = useCallback((next: Sending) => {
    // Enter, pressed twice before the page is drawn anew, finds the first one on its way.
    latest.current = next;
    setState(next);
  }, []);
  const id = state.attempt?.id;
  const isThere = id !== undefined && messages.some(({ clientId }) => clientId === id);
  useEffect(() => {
    if (isThere) change(arrived(latest.current, id));
  }, [isThere, id, change]);
  return {
    ...state,
    type: (content) => change(typed(latest.current, content)),
    restore: (content, attempt) => change(restored(content, attempt)),
    send(deliver) {
      const next = begun(latest.current, () => crypto.randomUUID());
      if (next === undefined) return;
      change(next);
      const { attempt } = next;
      deliver(attempt).then(
        () => change(arrived(latest.current, attempt.id)),
        (error: unknown) => change(failed(latest.current, attempt.id, error)),
      );
    },
  };
}
