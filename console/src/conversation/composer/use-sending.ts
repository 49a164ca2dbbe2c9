// Sends what is written in a box, once however often it is tried.
import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Attempt, arrived, begun, failed, NOTHING, restored, type Sending, typed } from "./sending.ts";

export interface SendingBox extends Sending {
  type(content: string): void;
  restore(content: string, attempt: Attempt | undefined): void;
  /** @param deliver makes the call, with the attempt's id as request id and client id */
  send(deliver: (attempt: Attempt) => Promise<unknown>, fileIds?: readonly string[]): void;
}

/**
 * @param messages those on the page: with the id of what was sent, it has arrived whether or not the call's response came
 * @param onArrived told of each once
 */
export function useSending(messages: readonly Message[], onArrived: (attempt: Attempt) => void = () => {}): SendingBox {
  const [state, setState] = useState(NOTHING);
  const latest = useRef(state);
  const change = useCallback((next: Sending) => {
    // Enter, pressed twice before the page is drawn anew, finds the first one on its way.
    latest.current = next;
    setState(next);
  }, []);
  const told = useRef(onArrived);
  told.current = onArrived;
  const arrive = useCallback(
    (id: string) => {
      const { attempt } = latest.current;
      if (attempt?.id !== id) return;
      change(arrived(latest.current, id));
      told.current(attempt);
    },
    [change],
  );
  const id = state.attempt?.id;
  const isThere = id !== undefined && messages.some(({ clientId }) => clientId === id);
  useEffect(() => {
    if (isThere) arrive(id);
  }, [isThere, id, arrive]);
  return {
    ...state,
    type: (content) => change(typed(latest.current, content)),
    restore: (content, attempt) => change(restored(content, attempt)),
    send(deliver, fileIds) {
      const next = begun(latest.current, () => crypto.randomUUID(), fileIds);
      if (next === undefined) return;
      change(next);
      const { attempt } = next;
      deliver(attempt).then(
        () => arrive(attempt.id),
        (error: unknown) => change(failed(latest.current, attempt.id, error)),
      );
    },
  };
}
