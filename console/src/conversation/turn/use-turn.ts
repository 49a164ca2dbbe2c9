// The agent's reply in a conversation: asked for, watched as it is written, stopped, answered, and found again after a
// reload.
import { createClient } from "@connectrpc/connect";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Turn, TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../../gen/colloquy/v1/turn_service_pb.ts";
import { wait } from "../../../../src/client/backoff.ts";
import { resilient } from "../../../../src/client/stream.ts";
import { throttled } from "../../api/throttled.ts";
import { useServices } from "../../app/services.ts";
import { hasEnded } from "../../turns/turn-words.tsx";
import { useThrottled } from "../../ui/use-throttled.ts";
import { type Attempt, messageOf } from "../composer/sending.ts";
import { advanced, type RunningTurn } from "./drafts.ts";
import { withTurns } from "./turn-failures.ts";

/** Longer than a turn is silent before its reader is worth connecting anew, in milliseconds. */
const SILENCE_MS = 60_000;

/** As many turns that failed are shown, from the latest on. */
const FAILURES = 50;
/** How often a turn is looked for at most, in milliseconds. */
const LOOK_MS = 500;

/** How often a reply is drawn at most while it is written, in milliseconds. */
const DRAW_MS = 100;
/** Drawing takes at most one part in so many of the time, so that the page answers while a long reply comes fast. */
const DRAW_SHARE = 5;

export interface TurnControl {
  /** Undefined: no turn runs. */
  readonly running: RunningTurn | undefined;
  /** Turns that have ended, among them the latest that failed; the latest first. */
  readonly ended: readonly Turn[];
  /** Whether the last one that was watched was stopped. */
  readonly isStopped: boolean;
  readonly error: unknown;
  /** Sends a message that the agent replies to: once for each id, however often it is tried. */
  ask(attempt: Attempt): Promise<void>;
  /** Has the agent of a turn that failed reply once more. */
  again(turn: Turn): Promise<void>;
  stop(): Promise<void>;
  approve(approvalId: string, granted: boolean): Promise<void>;
  giveResult(callId: string, result: string): Promise<void>;
  /** Looks soon for a turn that somebody else began. */
  look(): void;
}

/** @param onEntry told of each entry that is stored */
export function useTurn(conversationId: string, onEntry: (message: Message) => void): TurnControl {
  const { transport, connection } = useServices();
  const client = useMemo(() => createClient(TurnService, transport), [transport]);
  const [running, setRunning] = useState<RunningTurn>();
  const [ended, setEnded] = useState<readonly Turn[]>([]);
  const [isStopped, setIsStopped] = useState(false);
  const [error, setError] = useState<unknown>();
  const watched = useRef<{ id: string; controller: AbortController }>(undefined);
  const take = useRef(onEntry);
  take.current = onEntry;

  const watch = useCallback(
    async (turn: Turn) => {
      if (watched.current?.id === turn.id) return;
      watched.current?.controller.abort();
      const controller = new AbortController();
      watched.current = { id: turn.id, controller };
      setRunning({ turn, drafts: [] });
      setIsStopped(false);
      let isOver = false;
      let now: RunningTurn = { turn, drafts: [] };
      const drawing = throttled(() => {
        setRunning(now);
        return drawn();
      }, DRAW_MS);
      try {
        const options = { signal: controller.signal, onInterruption: () => connection.lost() };
        let cursor = "";
        const open = (signal: AbortSignal) =>
          client.resumeTurn({ turnId: turn.id, streamEntries: true, cursor }, { signal });
        for await (const { event } of resilient(open, options, SILENCE_MS, { renews: false })) {
          if (event.case?.startsWith("entry") && event.value && "cursor" in event.value) cursor = event.value.cursor;
          if (event.case === "entryEnded" && event.value.message) take.current(event.value.message);
          if (event.case === "ended" && event.value.turn) {
            const { turn: last } = event.value;
            isOver = true;
            setEnded((before) => withTurns(before, [last]));
            setIsStopped(last.state === TurnState.CANCELLED);
          }
          now = advanced(now, event);
          // What is stored comes in place of its draft, at once.
          if (event.case === "entryDelta") drawing.call();
          else setRunning(event.case === "ended" ? undefined : now);
        }
      } catch (cause) {
        // After the end of a turn that failed the stream fails too: the turn says why.
        if (!controller.signal.aborted && !isOver) setError(cause);
      }
      drawing.stop();
      if (watched.current?.controller === controller) {
        watched.current = undefined;
        setRunning(undefined);
      }
    },
    [client, connection],
  );
  const look = useThrottled(async () => {
    try {
      const { turns } = await client.listTurns({ conversationId, pageSize: 5 });
      setEnded((before) => withTurns(before, turns.filter(hasEnded)));
      const open = turns.findLast((turn) => !hasEnded(turn));
      if (open !== undefined) void watch(open);
    } catch (cause) {
      setError(cause);
    }
  }, LOOK_MS);
  useEffect(() => {
    look();
    client
      .listTurns({ conversationId, state: TurnState.FAILED, pageSize: FAILURES })
      .then(({ turns }) => setEnded((before) => withTurns(before, turns)), setError);
    return () => watched.current?.controller.abort();
  }, [client, conversationId, look]);

  const turnId = running?.turn.id ?? "";
  const tried = async (work: () => Promise<unknown>) => {
    setError(undefined);
    try {
      await work();
    } catch (cause) {
      setError(cause);
      throw cause;
    }
  };
  return {
    running,
    ended,
    isStopped,
    error,
    look,
    async ask(attempt) {
      setError(undefined);
      const request = { conversationId, messages: [messageOf(attempt)], requestId: attempt.id };
      const { turn } = await client.createTurn(request);
      if (turn !== undefined) void watch(turn);
    },
    // A turn is repeated once, however often that is asked for: its repetition, if it fails, is another turn.
    again: ({ id: requestId, messageId, agentId }) =>
      tried(async () => {
        const controller = new AbortController();
        const request = { conversationId, messageId, agent: agentId, requestId };
        for await (const { event } of client.regenerate(request, { signal: controller.signal })) {
          if (event.case !== "started" || event.value.turn === undefined) continue;
          void watch(event.value.turn);
          break;
        }
        // It goes on without this reader.
        controller.abort();
      }),
    stop: () => tried(() => client.cancelTurn({ turnId })),
    approve: (approvalId, granted) => tried(() => client.answerTurn({ turnId, approvals: [{ approvalId, granted }] })),
    giveResult: (callId, result) =>
      tried(() => client.answerTurn({ turnId, results: [{ callId, output: { case: "text", value: result } }] })),
  };
}

/** Resolves when the page has been drawn, and some time more by how long that took. */
async function drawn(): Promise<void> {
  const began = performance.now();
  // A hidden page draws no frames.
  await Promise.race([new Promise(requestAnimationFrame), wait(1_000)]);
  await wait(0);
  await wait((DRAW_SHARE - 1) * (performance.now() - began));
}
