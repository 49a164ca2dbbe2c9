// Turns: a reply that is heard to its end, whatever breaks on the way.
import type { Client } from "@connectrpc/connect";
import type { AgentTool } from "../../gen/colloquy/v1/agent_pb.ts";
import type { Message } from "../../gen/colloquy/v1/message_pb.ts";
import type {
  Turn,
  TurnEntryDelta,
  TurnEntryEnded,
  TurnEntryStarted,
  TurnPolicy,
} from "../../gen/colloquy/v1/turn_pb.ts";
import type { ChatResponse, ResumeTurnResponse, TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { type Connection, resilient, type StreamOptions } from "./stream.ts";

export interface ChatOptions extends StreamOptions {
  readonly conversationId: string;
  /** What the caller says. */
  readonly content: string;
  /** What to do while another turn is open. Default: the call fails with TURN_IN_PROGRESS. */
  readonly ifRunning?: TurnPolicy;
  /** Whether to give all entries of the turn (thoughts, calls, results, …) instead of the text alone. Default: false. */
  readonly entries?: boolean;
  /** Tools that the caller runs: after `input_required`, bring the results with `turns.answerTurn`. Default: none. */
  readonly tools?: readonly AgentTool[];
  /** Makes a repeat of the call harmless. Default: a new one. */
  readonly requestId?: string;
}

/** One step of a turn. */
export type ChatStep =
  | { readonly kind: "started"; readonly turn: Turn; readonly message: Message }
  /** `text` comes next, at `offset` code points. An offset before the end of what was heard replaces the text from there. */
  | { readonly kind: "delta"; readonly text: string; readonly offset: bigint }
  /** With `entries`: an entry begins, gets a piece, is stored. */
  | { readonly kind: "entry_started"; readonly entry: TurnEntryStarted }
  | { readonly kind: "entry_delta"; readonly entry: TurnEntryDelta }
  | { readonly kind: "entry_ended"; readonly entry: TurnEntryEnded }
  /** The turn waits for `turns.answerTurn`: `turn.awaited` says for what. The steps go on once it is answered. */
  | { readonly kind: "input_required"; readonly turn: Turn }
  /** `reply` is what is stored; undefined: not a word came. */
  | { readonly kind: "ended"; readonly turn: Turn; readonly reply: Message | undefined };

/** Longer than a turn is silent before its reader is worth connecting anew, in milliseconds. */
const SILENCE_MS = 60_000;

/**
 * Sends a message and gives the reply as it comes. The steps end with `ended`, also of a turn that failed: its state and
 * its `failure` say so. Throws what waiting does not mend.
 */
export async function* chat(
  client: Client<typeof TurnService>,
  options: ChatOptions,
  connection: Connection,
): AsyncGenerator<ChatStep> {
  const { conversationId, content, ifRunning, requestId = crypto.randomUUID(), ...more } = options;
  const { entries = false, tools = [], ...rest } = more;
  let turnId: string | undefined;
  let offset = 0n;
  let cursor = "";
  const open = (signal: AbortSignal) =>
    turnId === undefined
      ? client.chat(
          {
            conversationId,
            message: { content },
            requestId,
            streamEntries: entries,
            tools: [...tools],
            ...(ifRunning && { ifRunning }),
          },
          { signal },
        )
      : client.resumeTurn({ turnId, offset, cursor, streamEntries: entries }, { signal });
  for await (const { event } of resilient<ChatResponse | ResumeTurnResponse>(open, rest, SILENCE_MS, connection)) {
    if (event.case === "started" && event.value.turn && event.value.message) {
      turnId = event.value.turn.id;
      yield { kind: "started", turn: event.value.turn, message: event.value.message };
    } else if (event.case === "delta") {
      const { text, offset: at, nextOffset } = event.value;
      offset = nextOffset;
      yield { kind: "delta", text, offset: at };
    } else if (event.case === "entryStarted") {
      cursor = event.value.cursor;
      yield { kind: "entry_started", entry: event.value };
    } else if (event.case === "entryDelta") {
      cursor = event.value.cursor;
      yield { kind: "entry_delta", entry: event.value };
    } else if (event.case === "entryEnded") {
      cursor = event.value.cursor;
      yield { kind: "entry_ended", entry: event.value };
    } else if (event.case === "inputRequired" && event.value.turn) {
      yield { kind: "input_required", turn: event.value.turn };
    } else if (event.case === "ended" && event.value.turn) {
      // What follows a failed turn is an error that says no more than the turn does.
      yield { kind: "ended", turn: event.value.turn, reply: event.value.reply };
      return;
    }
  }
}
