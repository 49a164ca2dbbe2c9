// Talks to an agent in a conversation of its own, entry by entry as the turn streams.
import { createClient } from "@connectrpc/connect";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { type ChatResponse, TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { useServices } from "../app/services.ts";
import type { Attempt } from "../conversation/composer/sending.ts";
import { agentText } from "../strings/agents.ts";

export interface Said {
  readonly key: string;
  readonly who: "you" | "agent";
  readonly kind: MessageKind;
  /** Of a call: the tool. */
  readonly name: string;
  readonly text: string;
}

export interface TryOut {
  readonly said: readonly Said[];
  /** The last one, running or ended. */
  readonly turn: Turn | undefined;
  readonly conversationId: string | undefined;
  readonly isRunning: boolean;
  readonly isWaiting: boolean;
  readonly error: unknown;
  /** Sends it, once however often the same text is tried. Gives whether it was answered. */
  send(content: string): Promise<boolean>;
  stop(): void;
  restart(): void;
}

interface State {
  readonly said: readonly Said[];
  readonly turn?: Turn | undefined;
  readonly conversationId?: string;
  readonly isRunning: boolean;
  readonly isWaiting: boolean;
  readonly error?: unknown;
}

const NOTHING: State = { said: [], isRunning: false, isWaiting: false };

export function useTryOut({ name }: Agent): TryOut {
  const { transport } = useServices();
  const queries = useQueryClient();
  const [state, setState] = useState(NOTHING);
  const running = useRef<AbortController>(undefined);
  /** What was sent and is not known to be answered: a retry attaches to its turn. */
  const open = useRef<Attempt>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const talk = async ({ id, text: content }: Attempt, signal: AbortSignal) => {
    const title = agentText.tryOut.conversationTitle(name);
    const conversations = createClient(ConversationService, transport);
    const made =
      state.conversationId ??
      (await conversations.createConversation({ conversation: { title, agent: name } }, { signal })).conversation?.id;
    if (made === undefined) return;
    setState((before) => ({ ...before, conversationId: made }));
    const request = { conversationId: made, message: { content, clientId: id }, streamEntries: true, requestId: id };
    for await (const { event } of createClient(TurnService, transport).chat(request, { signal })) {
      setState((before) => next(before, event));
      if (event.case !== "ended") continue;
      open.current = undefined;
      // The table of the last turns has one more.
      void queries.invalidateQueries();
    }
  };

  return {
    said: state.said,
    turn: state.turn,
    conversationId: state.conversationId,
    isRunning: state.isRunning,
    isWaiting: state.isWaiting,
    error: state.error,
    async send(content) {
      const attempt = open.current?.text === content ? open.current : { id: crypto.randomUUID(), text: content };
      open.current = attempt;
      const controller = new AbortController();
      running.current = controller;
      const own: Said = { key: attempt.id, who: "you", kind: MessageKind.MESSAGE, name: "", text: content };
      const withOwn = (said: readonly Said[]) => [...said.filter(({ key }) => key !== own.key), own];
      setState((before) => ({ ...before, said: withOwn(before.said), isRunning: true, error: undefined }));
      try {
        await talk(attempt, controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) setState((before) => ({ ...before, error }));
      }
      if (running.current === controller) setState((before) => ({ ...before, isRunning: false }));
      return open.current !== attempt;
    },
    stop() {
      const turnId = state.turn?.id;
      if (turnId === undefined) return;
      createClient(TurnService, transport)
        .cancelTurn({ turnId })
        .catch((error: unknown) => setState((before) => ({ ...before, error })));
    },
    restart() {
      running.current?.abort();
      running.current = undefined;
      open.current = undefined;
      setState(NOTHING);
    },
  };
}

function next(state: State, event: ChatResponse["event"]): State {
  switch (event.case) {
    case "started":
      return { ...state, turn: event.value.turn, isWaiting: false };
    case "entryStarted": {
      const { messageId, kind, toolCall } = event.value;
      const entry: Said = { key: messageId, who: "agent", kind, name: toolCall?.name ?? "", text: "" };
      return { ...state, said: [...state.said.filter(({ key }) => key !== messageId), entry] };
    }
    case "entryDelta": {
      const { offset, piece, index } = event.value;
      if (piece.case === undefined || piece.case === "part") return state;
      const place = placeOf(state, index);
      const said = state.said.map((entry, i) =>
        // A piece that lies before the end replaces the text from there on. Offsets count code points.
        i === place ? { ...entry, text: [...entry.text].slice(0, Number(offset)).join("") + piece.value } : entry,
      );
      return { ...state, said };
    }
    case "inputRequired":
      return { ...state, turn: event.value.turn, isWaiting: true };
    case "ended":
      return { ...state, turn: event.value.turn, isWaiting: false };
    default:
      return state;
  }
}

/** Entries of a turn are counted from the last thing that the person said. */
function placeOf({ said }: State, index: number): number {
  return said.findLastIndex(({ who }) => who === "you") + 1 + index;
}
