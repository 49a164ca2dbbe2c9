// A reply as far as it has come.
import type { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponse } from "../../../../gen/colloquy/v1/turn_service_pb.ts";

/** An entry that is being written. */
export interface Draft {
  readonly index: number;
  readonly kind: MessageKind;
  readonly name: string;
  readonly text: string;
  /** Of the text, in code points. */
  readonly length: number;
}

export interface RunningTurn {
  readonly turn: Turn;
  readonly drafts: readonly Draft[];
}

export function advanced(before: RunningTurn, event: ResumeTurnResponse["event"]): RunningTurn {
  const { turn, drafts } = before;
  switch (event.case) {
    case "entryStarted": {
      const { index, kind, toolCall } = event.value;
      const draft = { index, kind, name: toolCall?.title || toolCall?.name || "", text: "", length: 0 };
      return { turn, drafts: [...drafts.filter((one) => one.index !== index), draft] };
    }
    case "entryDelta": {
      const { index, offset, piece } = event.value;
      if (piece.case === undefined || piece.case === "part") return before;
      const { value } = piece;
      return { turn, drafts: drafts.map((one) => (one.index === index ? grown(one, Number(offset), value) : one)) };
    }
    case "entryEnded":
      return { turn, drafts: drafts.filter(({ index }) => index !== event.value.index) };
    case "inputRequired":
      return { turn: event.value.turn ?? turn, drafts };
    default:
      return before;
  }
}

/** Offsets count code points. To take a long text apart for each piece would cost the square of its length. */
function grown(draft: Draft, offset: number, piece: string): Draft {
  const added = Array.from(piece).length;
  if (offset === draft.length) return { ...draft, text: draft.text + piece, length: offset + added };
  const kept = Array.from(draft.text).slice(0, offset);
  return { ...draft, text: kept.join("") + piece, length: kept.length + added };
}
