// The echo agent: repeats the message word by word.
import { setTimeout as sleep } from "node:timers/promises";
import { fromJson } from "@bufbuild/protobuf";
import { EchoConnectorSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { textPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { ConnectorFactory } from "./connector.ts";
import { millisecondsOf } from "./duration.ts";

export const createEcho: ConnectorFactory = ({ settings }) => {
  const delayMs = millisecondsOf(fromJson(EchoConnectorSchema, settings).delay) ?? 0;
  return async function* ({ messages }, signal) {
    const said = messages.at(-1)?.content ?? "";
    for (const word of said.match(/\s*\S+|\s+$/g) ?? []) {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal });
      signal.throwIfAborted();
      yield textPiece(word);
    }
    return FinishReason.STOP;
  };
};
