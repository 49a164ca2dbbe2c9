// Converts turns and their events to messages of the contract.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  type AwaitedCall,
  AwaitedCallSchema,
  type Turn,
  TurnSchema,
  type TurnUsage,
  TurnUsageSchema,
} from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponseSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { TurnStep } from "../../agents/turns/turn-reader.ts";
import { awaitsInput, type PendingCall, readPending } from "../../domain/turns/pending-call.ts";
import type { ItemHead } from "../../domain/turns/reply-item.ts";
import { TurnState } from "../../domain/turns/turn.ts";
import { cursorText } from "../../domain/turns/turn-cursor.ts";
import { tokenColumnsOf } from "../../store/turns/columns.ts";
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
  turn.step = row.step;
  turn.model = row.model ?? "";
  const { tokens } = tokenColumnsOf(row);
  if (tokens.some((count) => count !== null)) turn.usage = toUsage(tokens);
  if (row.state === TurnState.INPUT_REQUIRED)
    turn.awaited = readPending(row.pending).filter(awaitsInput).map(toAwaited);
  turn.previousTurnId = row.previous_id ?? "";
  turn.failureStatus = row.failure_status;
  turn.failureCode = row.failure_code;
  turn.deltasLost = row.deltas_lost === true;
  if (row.wait_time) turn.inputExpireTime = toTimestamp(row.wait_time);
  return turn;
}

export type TurnEvent = Exclude<MessageInitShape<typeof ResumeTurnResponseSchema>["event"], undefined>;

function toUsage([input, output, cached, reasoning, written]: readonly (bigint | null)[]): TurnUsage {
  return create(TurnUsageSchema, {
    inputTokens: input ?? 0n,
    outputTokens: output ?? 0n,
    cachedTokens: cached ?? 0n,
    reasoningTokens: reasoning ?? 0n,
    cacheWriteTokens: written ?? 0n,
  });
}

function toAwaited({ callId, name, entryId, needs, approvalId }: PendingCall): AwaitedCall {
  const question = needs === "approval" ? (approvalId ?? "") : "";
  return create(AwaitedCallSchema, { callId, name, messageId: entryId, approvalId: question });
}

export function toTurnEvent(step: TurnStep): TurnEvent {
  switch (step.kind) {
    case "delta": {
      const { text, offset, nextOffset } = step.part;
      return { case: "delta", value: { text, offset: BigInt(offset), nextOffset: BigInt(nextOffset) } };
    }
    case "entry_started": {
      const { index, head, cursor } = step;
      const { id: messageId, kind, step: number, call, partId = "" } = head;
      const started = { index, messageId, kind, step: number, partId, cursor: cursorText(cursor) };
      if (call === undefined) return { case: "entryStarted", value: started };
      const { providerJson: extraJson } = call;
      const beside = extraJson === undefined ? {} : { extraJson };
      return { case: "entryStarted", value: { ...started, ...beside, toolCall: toCall(call) } };
    }
    case "entry_delta": {
      const { index, cursor } = step;
      const delta = { index, offset: BigInt(step.piece.offset), cursor: cursorText(cursor) };
      return { case: "entryDelta", value: { ...delta, piece: toPiece(step) } };
    }
    case "entry_ended": {
      const { index, row, cursor } = step;
      return { case: "entryEnded", value: { index, message: toMessage(row), cursor: cursorText(cursor) } };
    }
    case "input_required":
      return { case: "inputRequired", value: { turn: toTurn(step.turn) } };
    case "ended": {
      const reply = step.reply && { reply: toMessage(step.reply) };
      return { case: "ended", value: { turn: toTurn(step.turn), ...reply } };
    }
  }
}

function toCall({ callId, name, type, runsAt, title }: NonNullable<ItemHead["call"]>) {
  return {
    callId,
    name,
    ...(type !== undefined && { type }),
    ...(runsAt !== undefined && { runsAt }),
    ...(title !== undefined && { title }),
  };
}

function toPiece({ of, piece }: Extract<TurnStep, { kind: "entry_delta" }>) {
  if ("part" in piece) return { case: "part", value: piece.part } as const;
  switch (of) {
    case MessageKind.REASONING:
      return { case: "reasoning", value: piece.text } as const;
    case MessageKind.TOOL_CALL:
      return { case: "arguments", value: piece.text } as const;
    default:
      return { case: "text", value: piece.text } as const;
  }
}
