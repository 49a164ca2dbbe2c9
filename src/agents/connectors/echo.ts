// The echo agent: repeats the message word by word.
import { setTimeout as sleep } from "node:timers/promises";
import { fromJson } from "@bufbuild/protobuf";
import { EchoConnectorSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { textPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { ConnectorFactory } from "./connector.ts";
import { millisecondsOf } from "./duration.ts";

const { USER } = MessageRole;

export const createEcho: ConnectorFactory = ({ settings }) => {
  const delayMs = millisecondsOf(fromJson(EchoConnectorSchema, settings).delay) ?? 0;
  return async function* ({ messages }, signal) {
    const last = messages.at(-1);
    // Results of tools and the like have no text for people.
    const asked = last?.kind == null ? last : messages.findLast(({ kind, role }) => kind === null && role === USER);
    const said = asked?.content ?? "";
    for (const piece of piecesOf(said)) {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal });
      signal.throwIfAborted();
      yield textPiece(piece);
    }
    return FinishReason.STOP;
  };
};

/** Maximum number of pieces: as many as a long reply of a model has. */
const MAX_PIECES = 4_096;

/** The words of a text, each with the space before it; of a long text several at a time, in pieces of about one size. */
function* piecesOf(text: string): Generator<string> {
  const least = Math.ceil(text.length / MAX_PIECES);
  let begin = 0;
  for (const { 0: word, index } of text.matchAll(/\s*\S+|\s+$/g)) {
    const end = index + word.length;
    if (end - begin < least && end < text.length) continue;
    yield text.slice(begin, end);
    begin = end;
  }
}
