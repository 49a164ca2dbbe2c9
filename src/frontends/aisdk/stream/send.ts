// The stream of a turn as server-sent events.
import { type Message, MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import {
  type Turn,
  type TurnEntryDelta,
  FinishReason as TurnFinish,
  TurnState,
} from "../../../../gen/colloquy/v1/turn_pb.ts";
import type {
  ChatResponse,
  RegenerateResponse,
  ResumeTurnResponse,
} from "../../../../gen/colloquy/v1/turn_service_pb.ts";
import type { ShownFiles } from "../../../dialects/shared/files/show.ts";
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { COMMENT, type Piece, pieceOf, setStreamHeaders } from "../../shared/events.ts";
import { describeFailure, hasLeft } from "../../shared/failures.ts";
import { type Chunk, DONE, type FinishReason } from "./chunks.ts";
import type { Held } from "./held.ts";
import { TurnChunks } from "./turn-chunks.ts";

export type TurnEvents = AsyncIterable<ChatResponse | RegenerateResponse | ResumeTurnResponse>;

export interface SendOptions {
  /** Without the chunks that a client of the version 6 does not know. */
  readonly plain: boolean;
  readonly files: ShownFiles;
  /** The turn, if the events do not begin with it. */
  readonly turnId?: string;
  /** What the client has of the message. Default: nothing. */
  readonly held?: Held;
  /** Told of the turn when it is known. */
  readonly began?: (turnId: string) => void;
}

const FINISHES: { readonly [reason in TurnFinish]?: FinishReason } = {
  [TurnFinish.STOP]: "stop",
  [TurnFinish.LENGTH]: "length",
  [TurnFinish.CONTENT_FILTER]: "content-filter",
  [TurnFinish.TOOL_CALLS]: "tool-calls",
  [TurnFinish.ERROR]: "error",
};

export function setHeaders(context: CallContext): void {
  setStreamHeaders(context);
  context.setHeader("cache-control", "no-cache, no-store, no-transform");
  context.setHeader("x-vercel-ai-ui-message-stream", "v1");
}

/** The server stops, or its database is away: the turn goes on, so a client resumes it. */
const PASSES: readonly ErrorReason[] = [
  ErrorReason.SHUTTING_DOWN,
  ErrorReason.DATABASE_UNAVAILABLE,
  ErrorReason.OVERLOADED,
  ErrorReason.DEADLINE_EXCEEDED,
];

/**
 * Sends a turn until it waits or has ended. What passes breaks the stream off after its first piece; whatever else goes
 * wrong then, such as that its caller may not read it any more, is told as its last chunk.
 */
export async function* sendTurn(context: CallContext, events: TurnEvents, options: SendOptions): AsyncGenerator<Piece> {
  const { turnId = "", held, plain, began, files } = options;
  let chunks = new TurnChunks(turnId, held);
  let open = false;
  const begin = () => {
    open = true;
    setHeaders(context);
    return COMMENT;
  };
  if (turnId !== "") yield begin();
  try {
    for await (const { event } of events) {
      // The headers go out although the agent is silent yet.
      if (!open) yield begin();
      switch (event.case) {
        case "started": {
          const id = event.value.turn?.id ?? "";
          chunks = new TurnChunks(id, held);
          began?.(id);
          break;
        }
        case "entryStarted":
          yield* sent(chunks.begin(event.value), plain);
          break;
        case "entryDelta":
          yield* sent(chunks.delta(await withFiles(event.value, files)), plain);
          break;
        case "entryEnded":
          if (event.value.message) yield* sent(chunks.end(await resultsWithFiles(event.value.message, files)), plain);
          break;
        case "inputRequired":
          if (event.value.turn) yield* sent(chunks.waits(event.value.turn), plain);
          yield* sent([...chunks.over(), { type: "finish", finishReason: "tool-calls" }], plain, true);
          return;
        case "ended":
          yield* sent([...ending(chunks, event.value.turn)], plain, true);
          return;
        case undefined:
          yield COMMENT;
      }
    }
  } catch (error) {
    if (!open || hasLeft(context) || passes(error, context)) throw error;
    const { reason, message } = describeFailure(error, context);
    yield* sent([...chunks.breaksOff(), { type: "error", errorText: `${reason}: ${message}` }], plain, true);
  }
}

async function withFiles(delta: TurnEntryDelta, files: ShownFiles): Promise<Pick<TurnEntryDelta, "offset" | "piece">> {
  const { offset, piece } = delta;
  if (piece.case !== "part") return delta;
  return { offset, piece: { case: "part", value: await files.part(piece.value) } };
}

/** The parts of a message were told as they came. */
async function resultsWithFiles(message: Message, files: ShownFiles): Promise<Message> {
  return message.kind === MessageKind.TOOL_RESULT ? files.message(message) : message;
}

function passes(error: unknown, context: CallContext): boolean {
  const { aborted, reason } = context.interrupt;
  const cause = aborted ? reason : error;
  return cause instanceof DomainError && PASSES.includes(cause.reason);
}

function* ending(chunks: TurnChunks, turn: Turn | undefined): Generator<Chunk> {
  switch (turn?.state) {
    case TurnState.CANCELLED:
      yield* chunks.breaksOff();
      yield { type: "abort" };
      break;
    case TurnState.FAILED:
      yield* chunks.breaksOff();
      yield { type: "error", errorText: turn.failure || "the agent failed" };
      break;
    default:
      yield* chunks.over();
      yield { type: "finish", finishReason: FINISHES[turn?.finishReason ?? TurnFinish.UNSPECIFIED] ?? "other" };
  }
}

function* sent(chunks: Iterable<Chunk>, plain: boolean, done = false): Generator<Piece> {
  let text = "";
  for (const chunk of chunks) {
    if (plain && chunk.type === "tool-approval-response") continue;
    text += `data: ${JSON.stringify(onWire(chunk, plain))}\n\n`;
  }
  if (done) text += `data: ${DONE}\n\n`;
  if (text !== "") yield pieceOf(text);
}

function onWire(chunk: Chunk, plain: boolean): object {
  if (chunk.type === "part") return chunk.part;
  if (!plain || chunk.type !== "tool-approval-request") return chunk;
  const { reason: _, ...rest } = chunk;
  return rest;
}
