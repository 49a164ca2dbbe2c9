// The tool ask_agent: a turn of the conversation's agent, followed to its end.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import {
  FinishReason,
  FinishReasonSchema,
  type Turn,
  type TurnEnded,
  TurnPolicy,
  TurnStateSchema,
} from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { orMakeWay } from "../shared/make-way.ts";
import { conversationId, keyed, messageText, requestId } from "./arguments.ts";
import { messageShape, toMessage, word } from "./shapes.ts";
import { defineTool } from "./tool.ts";

function waitingTurn({ id, state, awaited, inputExpireTime }: Turn) {
  return {
    id,
    state: word(TurnStateSchema, state),
    awaited: awaited.map(({ callId, name, approvalId }) => ({
      callId,
      tool: name,
      waitsFor: approvalId === "" ? "result" : "approval",
    })),
    ...(inputExpireTime && { waitsUntil: timestampDate(inputExpireTime).toISOString() }),
  };
}

export const askTool = defineTool({
  name: "ask_agent",
  title: "Ask the conversation's agent",
  description:
    "Appends a message of the caller to a conversation and waits for the answer of its agent, which may take minutes; " +
    "progress notifications hold the text as it comes. An agent that waits for others, who run a tool for it or allow a call, is " +
    "answered with what it waits for: the same requestId waits again, and another message ends its turn. Whoever stops waiting does not stop the agent: the answer is stored, " +
    "and the same requestId waits for it again.",
  input: z.strictObject({ conversationId, text: messageText, requestId }),
  output: z.looseObject({
    reply: messageShape.optional().describe("The answer. Missing: the agent ended without a word"),
    turn: z.looseObject({
      id: z.string(),
      state: z
        .string()
        .describe("complete, cancelled, or input_required: the agent waits, and goes on once it has what it waits for"),
      awaited: z
        .array(
          z.looseObject({
            callId: z.string(),
            tool: z.string(),
            waitsFor: z.string().describe("result: of the tool, from who runs it. approval: that the call may run"),
          }),
        )
        .optional()
        .describe("What the agent waits for"),
      waitsUntil: z.string().optional().describe("When it gives up"),
      finishReason: z.string().optional().describe("Why the answer ends where it does, such as stop or length"),
    }),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async run({ conversationId: id, text, requestId: key }, { canonical, context, progress }) {
    const request = {
      conversationId: id,
      message: { content: text },
      ...(key !== undefined && { requestId: key }),
    };
    let ended: TurnEnded | undefined;
    let waiting: Turn | undefined;
    const begin = () => canonical.stream(keyed(context, key), TurnService.method.chat, request);
    const way = { canonical, context, conversationId: id, ifRunning: TurnPolicy.REJECT };
    for await (const { event } of orMakeWay(way, begin)) {
      if (event.case === "inputRequired") {
        waiting = event.value.turn;
        break;
      }
      if (event.case === "ended") ended = event.value;
      else await progress(event.case === "delta" ? event.value.text : undefined);
    }
    if (waiting !== undefined) return { turn: waitingTurn(waiting) };
    if (ended?.turn === undefined) throw new Error("a turn ended without an answer");
    const { turn, reply } = ended;
    return {
      ...(reply && { reply: toMessage(reply) }),
      turn: {
        id: turn.id,
        state: word(TurnStateSchema, turn.state),
        ...(turn.finishReason !== FinishReason.UNSPECIFIED && {
          finishReason: word(FinishReasonSchema, turn.finishReason),
        }),
      },
    };
  },
});
