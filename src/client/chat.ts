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
import type {
  ChatResponse,
  RegenerateResponse,
  ResumeTurnResponse,
  TurnService,
} from "../../gen/colloquy/v1/turn_service_pb.ts";
import { type Connection, resilient, type StreamOptions } from "./stream.ts";

/** What every turn is asked for with. */
export interface TurnOptions extends StreamOptions {
  readonly conversationId: string;
  /** What to do while another turn is open. Default: the call fails with TURN_IN_PROGRESS. */
  readonly ifRunning?: TurnPolicy;
  /**
   * Whether to give all entries of the turn (thoughts, calls, results, …) instead of the text alone. Default: false.
   */
  readonly entries?: boolean;
  /** Tools that the caller runs: after `input_required`, bring the results with `turns.answerTurn`. Default: none. */
  readonly tools?: readonly AgentTool[];
  /** Makes a repeat of the call harmless. Default: a new one. */
  readonly requestId?: string;
}

export interface ChatOptions extends TurnOptions {
  /** What the caller says. */
  readonly content: string;
  /**
   * The entry that the message follows: to edit and send again, that which the old message followed. Default: the last.
   */
  readonly parentId?: string;
}

export interface RegenerateOptions extends TurnOptions {
  /** The message that is replied to once more, or an entry of a reply to it. Default: the last of the live branch. */
  readonly messageId?: string;
  /** The id or name of the agent that replies. Default: the conversation's. */
  readonly agent?: string;
}

/** One step of a turn. */
export type ChatStep =
  | { readonly kind: "started"; readonly turn: Turn; readonly message: Message }
  /**
   * `text` comes next, at `offset` code points. An offset before the end of what was heard replaces the text from
   * there.
   */
  | { readonly kind: "delta"; readonly text: string; readonly offset: bigint }
  /** With `entries`: an entry begins, gets a piece, is stored. */
  | { readonly kind: "entry_started"; readonly entry: TurnEntryStarted }
  | { readonly kind: "entry_delta"; readonly entry: TurnEntryDelta }
  | { readonly kind: "entry_ended"; readonly entry: TurnEntryEnded }
  /** The turn waits for `turns.answerTurn`: `turn.awaited` says for what. The steps go on once it is answered. */
  | { readonly kind: "input_required"; readonly turn: Turn }
  /** `reply` is what is stored; undefined: not a word came. */
  | { readonly kind: "ended"; readonly turn: Turn; readonly reply: Message | undefined };

type TurnResponse = ChatResponse | RegenerateResponse | ResumeTurnResponse;

/** Longer than a turn is silent before its reader is worth connecting anew, in milliseconds. */
const SILENCE_MS = 60_000;

/**
 * Sends a message and gives the reply as it comes. The steps end with `ended`, also of a turn that failed: its state
 * and its `failure` say so. Throws what waiting does not mend.
 */
export function chat(
  client: Client<typeof TurnService>,
  { content, parentId = "", ...options }: ChatOptions,
  connection: Connection,
): AsyncGenerator<ChatStep> {
  return steps(client, options, connection, (common, call) =>
    client.chat({ ...common, message: { content, parentId } }, call),
  );
}

/**
 * Has an agent reply once more, and gives the reply as {@link chat} does. The earlier reply stays as another branch.
 */
export function regenerate(
  client: Client<typeof TurnService>,
  { messageId = "", agent = "", ...options }: RegenerateOptions,
  connection: Connection,
): AsyncGenerator<ChatStep> {
  return steps(client, options, connection, (common, call) => client.regenerate({ ...common, messageId, agent }, call));
}

/** The fields that the requests for turns share. */
interface TurnRequest {
  readonly conversationId: string;
  readonly requestId: string;
  readonly streamEntries: boolean;
  readonly tools: AgentTool[];
  readonly ifRunning?: TurnPolicy;
}

async function* steps(
  client: Client<typeof TurnService>,
  options: TurnOptions,
  connection: Connection,
  begin: (request: TurnRequest, call: { signal: AbortSignal }) => AsyncIterable<ChatResponse | RegenerateResponse>,
): AsyncGenerator<ChatStep> {
  const { conversationId, ifRunning, requestId = crypto.randomUUID(), ...more } = options;
  const { entries = false, tools = [], ...rest } = more;
  const request = {
    conversationId,
    requestId,
    streamEntries: entries,
    tools: [...tools],
    ...(ifRunning && { ifRunning }),
  };
  let turnId: string | undefined;
  let offset = 0n;
  let cursor = "";
  const open = (signal: AbortSignal) =>
    turnId === undefined
      ? begin(request, { signal })
      : client.resumeTurn({ turnId, offset, cursor, streamEntries: entries }, { signal });
  for await (const { event } of resilient<TurnResponse>(open, rest, SILENCE_MS, connection)) {
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
