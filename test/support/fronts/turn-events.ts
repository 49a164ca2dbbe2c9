// Reads the entries of a turn's stream, and checks their order.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ChatResponse, RegenerateResponse, ResumeTurnResponse } from "../../../gen/colloquy/v1/turn_service_pb.ts";

export interface ReadTurn {
  /** One line for each event, with neighbouring deltas as one. */
  readonly lines: string[];
  /** The cursors of the events, in order; of each what was read with it. */
  readonly cursors: { readonly cursor: string; readonly lines: readonly string[] }[];
  turnId: string;
  /** The turn as it waits or has ended. */
  turn?: Turn;
  error?: unknown;
}

export const KINDS = new Map<number, string>(Object.entries(MessageKind).map(([name, value]) => [Number(value), name]));

/** Reads until the end, or until it waits where `stopsAtWait`. Throws if an event comes out of its order. */
export async function readTurn(
  stream: AsyncIterable<ChatResponse | RegenerateResponse | ResumeTurnResponse>,
  { stopsAtWait = true, before = [] as readonly string[] } = {},
): Promise<ReadTurn> {
  const read: ReadTurn = { lines: [...before], cursors: [], turnId: "" };
  const add = (name: string, words: string) => {
    const last = read.lines.at(-1);
    if (last?.startsWith(`${name}: `)) read.lines[read.lines.length - 1] = last + words;
    else read.lines.push(`${name}: ${words}`);
  };
  const note = (cursor: string) => read.cursors.push({ cursor, lines: [...read.lines] });
  try {
    for await (const { event } of stream) {
      switch (event.case) {
        case "started":
          read.turnId = event.value.turn?.id ?? "";
          break;
        case "entryStarted": {
          const { index, kind, toolCall, cursor } = event.value;
          read.lines.push(`${index} ${KINDS.get(kind)}${toolCall ? ` ${toolCall.callId} ${toolCall.name}` : ""}`);
          note(cursor);
          break;
        }
        case "entryDelta": {
          const { index, piece, cursor } = event.value;
          add(`${index} ${piece.case}`, piece.case === "part" ? (piece.value.content.case ?? "") : String(piece.value));
          note(cursor);
          break;
        }
        case "entryEnded":
          read.lines.push(`${event.value.index} ended at ${event.value.message?.seq}`);
          note(event.value.cursor);
          break;
        case "inputRequired":
          if (event.value.turn) read.turn = event.value.turn;
          if (stopsAtWait) return read;
          break;
        case "ended":
          if (event.value.turn) read.turn = event.value.turn;
          break;
        case undefined:
          break;
        default:
          throw new Error(`${event.case} is no event of an entry`);
      }
    }
  } catch (error) {
    read.error = error;
  }
  return read;
}
