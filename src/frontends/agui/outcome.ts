// The outcome of a run: how its turn ended or what it waits for, and its usage.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ApprovalRequestPart } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { ErrorReason } from "../../domain/errors.ts";
import { reasonName } from "../../pipeline/errors.ts";
import type { RunInput } from "./input.ts";
import type { AguiEvent, Interrupt, Outcome, Usage } from "./protocol.ts";
import { toolCallIdOf } from "./thread.ts";

/** What an answer looks like where the question does not say it. */
const APPROVAL_SCHEMA = {
  type: "object",
  properties: { approved: { type: "boolean" }, reason: { type: "string" } },
  required: ["approved"],
};

type Run = Pick<RunInput, "threadId" | "runId">;

/** The last event of a run. `turn` has ended or waits; undefined: nothing has run. */
export function lastEvent(
  { threadId, runId }: Run,
  turn: Turn | undefined,
  questions: ReadonlyMap<string, ApprovalRequestPart>,
): AguiEvent {
  const usage = turn?.usage === undefined ? {} : { usage: [usageOf(turn)] };
  if (turn?.state === TurnState.FAILED) {
    const message = turn.failure || "the agent failed";
    return { type: "RUN_ERROR", message, code: reasonName(ErrorReason.AGENT_FAILED), ...usage };
  }
  return { type: "RUN_FINISHED", threadId, runId, outcome: outcomeOf(turn, questions), ...usage };
}

function outcomeOf(turn: Turn | undefined, questions: ReadonlyMap<string, ApprovalRequestPart>): Outcome {
  if (turn?.state === TurnState.CANCELLED) return { type: "cancelled" };
  if (turn?.state !== TurnState.INPUT_REQUIRED) return { type: "success" };
  const interrupts = turn.awaited
    .filter(({ approvalId }) => approvalId !== "")
    .map(({ approvalId, callId, name, messageId }): Interrupt => {
      const question = questions.get(approvalId);
      return {
        id: approvalId,
        reason: "tool_call",
        message: question?.reason || `may ${name} run?`,
        toolCallId: toolCallIdOf(callId, messageId),
        responseSchema: schemaOf(question),
        ...(turn.inputExpireTime && { expiresAt: timestampDate(turn.inputExpireTime).toISOString() }),
      };
    });
  if (interrupts.length > 0) return { type: "interrupt", interrupts };
  return {
    type: "success",
    pendingToolCallIds: turn.awaited.map(({ callId, messageId }) => toolCallIdOf(callId, messageId)),
  };
}

function schemaOf(question: ApprovalRequestPart | undefined): object {
  const text = question?.responseSchemaJson;
  const schema: unknown = text ? JSON.parse(text) : undefined;
  const isObject = typeof schema === "object" && schema !== null && !Array.isArray(schema);
  return isObject ? schema : APPROVAL_SCHEMA;
}

function usageOf({ usage, model }: Turn): Usage {
  const { inputTokens = 0n, outputTokens = 0n, cachedTokens = 0n, reasoningTokens = 0n } = usage ?? {};
  return {
    ...(model !== "" && { model }),
    inputTokens: Number(inputTokens),
    outputTokens: Number(outputTokens),
    totalTokens: Number(inputTokens + outputTokens),
    reasoningTokens: Number(reasoningTokens),
    cachedInputTokens: Number(cachedTokens),
  };
}
