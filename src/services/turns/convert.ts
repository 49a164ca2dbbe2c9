// Converts turns and their events to messages of the contract.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Turn, TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponseSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { TurnStep } from "../../agents/turns/turns.ts";
import type { TurnRow } from "../../store/turns/turns.ts";
import { toMessage, toTimestamp } from "../convert.ts";

export function toTurn(row: TurnRow): Turn {
  const turn = create(TurnSchema);
  turn.id = row.id;
  turn.conversationId = row.conversation_id;
  turn.agentId = row.agent_id;
  turn.state = row.state;
  turn.messageId = row.message_id;
  if (row.reply_seq !== null) turn.replyId = row.reply_id;
  turn.failure = row.failure;
  turn.finishReason = row.finish_reason;
  turn.createTime = toTimestamp(row.create_time);
  if (row.start_time) turn.startTime = toTimestamp(row.start_time);
  if (row.end_time) turn.endTime = toTimestamp(row.end_time);
  return turn;
}

export type TurnEvent = Exclude<MessageInitShape<typeof ResumeTurnResponseSchema>["event"], undefined>;

export function toTurnEvent(step: TurnStep): TurnEvent {
  if (step.kind === "ended") {
    const reply = step.reply && { reply: toMessage(step.reply) };
    return { case: "ended", value: { turn: toTurn(step.turn), ...reply } };
  }
  const { text, offset, nextOffset } = step.part;
  return { case: "delta", value: { text, offset: BigInt(offset), nextOffset: BigInt(nextOffset) } };
}
