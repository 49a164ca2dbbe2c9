// What a posted reply says of its turn: results of tools that the client ran, and answers whether calls may run.
import type { JsonObject, JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ToolResultPart } from "../../../gen/colloquy/v1/part_pb.ts";
import type { AnswerTurnRequestSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { UiPart } from "./request.ts";
import type { Held } from "./stream/turn-chunks.ts";

type Answers = Required<Pick<MessageInitShape<typeof AnswerTurnRequestSchema>, "results" | "approvals">>;

/** A call of the turn as it is stored. */
interface StoredCall {
  approvalId?: string;
  granted?: boolean;
  settled: boolean;
}

export interface PostedAnswers {
  /** What the turn does not have yet. */
  readonly answers: Answers;
  readonly held: Held;
}

/**
 * Compares a posted reply with the entries of its turn. What is stored already counts as it is stored. Throws NOT_AWAITED
 * for a result or an answer that nothing of the turn asked for, and for a reply of which the client has a part alone.
 */
export function readAnswers(turnId: string, parts: readonly UiPart[], entries: readonly Message[]): PostedAnswers {
  const calls = storedCalls(entries);
  const held = { steps: 0, inputs: new Set<string>(), results: new Set<string>(), asked: new Set<string>(), answered: new Set<string>() };
  const answers = { results: [] as MessageInitShape<typeof AnswerTurnRequestSchema>["results"] & object, approvals: [] as object[] };
  for (const part of parts) {
    if (part.type === "step-start") held.steps += 1;
    if (part.state === "streaming" || part.state === "input-streaming") {
      throw refused(turnId, "the posted reply is not whole: resume its stream instead");
    }
    if (!part.type.startsWith("tool-") && part.type !== "dynamic-tool") continue;
    const callId = String(part.toolCallId);
    const call = calls.get(callId);
    const { approval, result } = claimsOf(part, callId);
    if (call === undefined) {
      if (approval === undefined && result === undefined) continue;
      throw refused(turnId, `the reply has no call ${callId}`);
    }
    if (approval !== undefined) {
      held.asked.add(approval.approvalId);
      if (approval.approvalId !== call.approvalId) throw refused(turnId, `no answer is awaited for question ${approval.approvalId}`);
      if (approval.granted !== undefined) {
        held.answered.add(approval.approvalId);
        if (call.granted === undefined && !call.settled) answers.approvals.push(approval);
        else if (call.granted !== approval.granted) throw refused(turnId, `question ${approval.approvalId} has another answer`);
      }
    }
    if (part.state === "input-available" && part.providerExecuted !== true) held.inputs.add(callId);
    if (result !== undefined) {
      held.inputs.add(callId);
      held.results.add(callId);
      if (!call.settled) answers.results.push(result);
    } else if (part.state === "output-denied") held.results.add(callId);
  }
  return { answers: answers as Answers, held };
}

interface Claims {
  readonly approval?: { readonly approvalId: string; readonly granted?: boolean; readonly reason?: string };
  readonly result?: MessageInitShape<typeof AnswerTurnRequestSchema>["results"] extends (infer R)[] | undefined ? R : never;
}

function claimsOf({ state, approval, output, errorText, preliminary }: UiPart, callId: string): Claims {
  const asked = isObject(approval) && typeof approval.id === "string" ? approval : undefined;
  const reason = typeof asked?.reason === "string" ? { reason: asked.reason } : {};
  const granted = typeof asked?.approved === "boolean" ? { granted: asked.approved, ...reason } : {};
  const claimed = asked && { approval: { approvalId: String(asked.id), ...granted } };
  if (preliminary === true) return { ...claimed };
  if (state === "output-available") {
    const given = output === undefined ? {} : { output: { case: "json" as const, value: JSON.stringify(output) } };
    return { ...claimed, result: { callId, ...given } };
  }
  if (state !== "output-error") return { ...claimed };
  const value = typeof errorText === "string" ? errorText : "the tool failed";
  return { ...claimed, result: { callId, isError: true, output: { case: "text" as const, value } } };
}

function storedCalls(entries: readonly Message[]): Map<string, StoredCall> {
  const calls = new Map<string, StoredCall>();
  const asked = new Map<string, StoredCall>();
  for (const { content } of entries.flatMap(({ parts }) => parts)) {
    switch (content.case) {
      case "toolCall":
        calls.set(content.value.callId ?? "", { settled: false });
        break;
      case "toolResult":
        settle(calls, content.value);
        break;
      case "approvalRequest": {
        const { callId = "", approvalId = "" } = content.value;
        const call = calls.get(callId);
        if (call === undefined) break;
        call.approvalId = approvalId;
        asked.set(approvalId, call);
        break;
      }
      case "approvalResponse": {
        const call = asked.get(content.value.approvalId ?? "");
        if (call) call.granted = content.value.granted ?? false;
        break;
      }
    }
  }
  return calls;
}

function settle(calls: ReadonlyMap<string, StoredCall>, { callId = "", preliminary }: ToolResultPart): void {
  const call = calls.get(callId);
  if (call && !preliminary) call.settled = true;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function refused(turnId: string, why: string): DomainError {
  return new DomainError(ErrorReason.NOT_AWAITED, why, { metadata: { turn_id: turnId } });
}
