// An agent that follows a script in every call: its text, reasoning, tool calls and data, piece by piece.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import type { Connector, ReplyRequest } from "../../../src/agents/connectors/connector.ts";
import { readParts } from "../../../src/domain/parts/stored.ts";
import type { ReplyPiece } from "../../../src/domain/turns/reply-piece.ts";
import { FinishReason } from "../../../src/domain/turns/turn.ts";

/** One call: gives pieces, and how it ends. Default: it stops, or with calls wants tools. */
export type Call = (request: ReplyRequest, signal: AbortSignal) => AsyncGenerator<ReplyPiece, FinishReason | undefined>;

export interface ScriptedAgent {
  readonly connector: Connector;
  /** What it was given in each call. */
  readonly requests: ReplyRequest[];
  /** The calls to come, in order. */
  readonly script: Call[];
}

export function scriptedAgent(): ScriptedAgent {
  const requests: ReplyRequest[] = [];
  const script: Call[] = [];
  return {
    requests,
    script,
    async *connector(request, signal) {
      requests.push(request);
      const call = script.shift();
      if (call === undefined) throw new Error("the script has no further call");
      return (yield* call(request, signal)) ?? FinishReason.STOP;
    },
  };
}

/** A call that gives these pieces at once. */
export function says(...pieces: readonly (ReplyPiece | readonly ReplyPiece[])[]): Call {
  return async function* () {
    let finish: FinishReason = FinishReason.STOP;
    for (const piece of pieces.flat()) {
      if (piece.kind === "step") finish = FinishReason.STOP;
      if (piece.kind === "tool_call") finish = FinishReason.TOOL_CALLS;
      yield piece;
    }
    return finish;
  };
}

export const text = (words: string): ReplyPiece => ({ kind: "text", text: words });
export const thought = (words: string): ReplyPiece => ({ kind: "reasoning", text: words });

/** A call of a tool with its arguments in two pieces. */
export function calls(callId: string, name: string, args = "{}"): ReplyPiece[] {
  const half = Math.ceil(args.length / 2);
  return [
    { kind: "tool_call", callId, name },
    { kind: "arguments", callId, text: args.slice(0, half) },
    { kind: "arguments", callId, text: args.slice(half) },
  ];
}

export function whole(entry: MessageKind, part: MessageInitShape<typeof PartSchema>): ReplyPiece {
  return { kind: "part", entry, part: create(PartSchema, part) };
}

/** What an agent was given, in short: `role: text`, `call id name arguments`, `result id text`. */
export function given({ messages }: ReplyRequest): string[] {
  return messages.flatMap(({ content, parts, kind }) => {
    if (kind === null) return [content];
    return readParts(parts).map(({ content: part }) => {
      switch (part.case) {
        case "toolCall":
          return `call ${part.value.callId} ${part.value.name} ${part.value.arguments}`;
        case "toolResult":
          return `result ${part.value.callId} ${part.value.output.value}${part.value.isError ? " (error)" : ""}`;
        case "reasoning":
          return `thought ${part.value.text}`;
        default:
          return `${part.case}`;
      }
    });
  });
}
