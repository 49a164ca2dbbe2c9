// Reads a posted reply's answers: results of tools that the client ran, and approvals.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  type ApprovalResponsePart,
  ApprovalResponsePartSchema,
  type ToolResultPart,
  ToolResultPartSchema,
} from "../../../gen/colloquy/v1/part_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { UiPart } from "./request.ts";
import type { Held } from "./stream/held.ts";
import { errorOf, outputOf } from "./stream/results.ts";

interface Answers {
  readonly results: ToolResultPart[];
  readonly approvals: ApprovalResponsePart[];
}

/** A call of the turn as it is stored. */
interface StoredCall {
  approvalId?: string;
  granted?: boolean;
  /** Its final result, as the reply has it. */
  result?: string | undefined;
  settled: boolean;
}

export interface PostedAnswers {
  /** What the turn does not have yet. */
  readonly answers: Answers;
  readonly held: Held;
}

/**
 * Compares a posted reply with the entries of its turn. What is stored already counts as it is stored. Throws
 * NOT_AWAITED for a result or an answer that nothing of the turn asked for, and for a reply of which the client has a
 * part alone.
 */
export function readAnswers(turnId: string, parts: readonly UiPart[], entries: readonly Message[]): PostedAnswers {
  const calls = storedCalls(entries);
  const held = {
    steps: 0,
    inputs: new Set<string>(),
    results: new Set<string>(),
    asked: new Set<string>(),
    answered: new Set<string>(),
  };
  const answers: Answers = { results: [], approvals: [] };
  for (const part of parts) {
    if (part.type === "step-start") held.steps += 1;
    if (part.state === "streaming" || part.state === "input-streaming") {
      throw refused(turnId, "the posted reply is not whole: resume its stream instead");
    }
    if (!part.type.startsWith("tool-") && part.type !== "dynamic-tool") continue;
    const callId = String(part.toolCallId);
    const call = calls.get(callId);
    const { approvalId, approval, result } = claimsOf(part, callId);
    if (part.state === "output-denied" && approval?.granted === true) {
      throw refused(turnId, `call ${callId} is denied and approved at once`);
    }
    if (call === undefined) {
      if (approval === undefined && result === undefined) continue;
      throw refused(turnId, `the reply has no call ${callId}`);
    }
    if (approvalId !== undefined) {
      if (approvalId !== call.approvalId) throw refused(turnId, `no answer is awaited for question ${approvalId}`);
      held.asked.add(approvalId);
    }
    if (approval !== undefined) {
      held.answered.add(approval.approvalId ?? "");
      if (call.granted === undefined && !call.settled) answers.approvals.push(approval);
      else if (call.granted !== approval.granted) {
        const why = call.granted === undefined ? "is not asked any more" : "has another answer";
        throw refused(turnId, `question ${approval.approvalId} ${why}`);
      }
    }
    if (part.state === "input-available" && part.providerExecuted !== true) held.inputs.add(callId);
    if (result !== undefined) {
      held.inputs.add(callId);
      if (!call.settled) answers.results.push(result);
      // Another result than the client's own is told again.
      if (!call.settled || call.result === shownResult(result)) held.results.add(callId);
    } else if (part.state === "output-denied") held.results.add(callId);
  }
  return { answers, held };
}

interface Claims {
  /** The question that the client shows, and its answer if it has one. */
  readonly approvalId: string | undefined;
  readonly approval: ApprovalResponsePart | undefined;
  readonly result: ToolResultPart | undefined;
}

function claimsOf({ state, approval, output, errorText, preliminary }: UiPart, callId: string): Claims {
  const asked = isObject(approval) && typeof approval.id === "string" ? approval : undefined;
  const approvalId = asked && String(asked.id);
  const claims = { approvalId, approval: asked && answerOf(asked), result: undefined };
  if (preliminary === true) return claims;
  if (state === "output-available") {
    const given = output === undefined ? {} : { output: { case: "json" as const, value: JSON.stringify(output) } };
    return { ...claims, result: create(ToolResultPartSchema, { callId, ...given }) };
  }
  if (state !== "output-error") return claims;
  const value = typeof errorText === "string" ? errorText : "the tool failed";
  const failed = { callId, isError: true, output: { case: "text" as const, value } };
  return { ...claims, result: create(ToolResultPartSchema, failed) };
}

function answerOf({ id, approved, reason }: JsonObject): ApprovalResponsePart | undefined {
  if (typeof approved !== "boolean") return undefined;
  const why = typeof reason === "string" ? { reason } : {};
  return create(ApprovalResponsePartSchema, { approvalId: String(id), granted: approved, ...why });
}

function storedCalls(entries: readonly Message[]): Map<string, StoredCall> {
  const calls = new Map<string, StoredCall>();
  const asked = new Map<string, StoredCall>();
  for (const { content } of entries.flatMap(({ parts }) => parts)) {
    switch (content.case) {
      case "toolCall":
        if (!calls.has(content.value.callId ?? "")) calls.set(content.value.callId ?? "", { settled: false });
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

function settle(calls: ReadonlyMap<string, StoredCall>, result: ToolResultPart): void {
  const call = calls.get(result.callId ?? "");
  if (call === undefined || result.preliminary) return;
  call.settled = true;
  call.result = shownResult(result);
}

/** A result as the reply has it, as a text that is the same for the same result. */
function shownResult(result: ToolResultPart): string {
  return result.isError ? `error ${errorOf(result)}` : `output ${JSON.stringify(outputOf(result))}`;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function refused(turnId: string, why: string): DomainError {
  return new DomainError(ErrorReason.NOT_AWAITED, why, { metadata: { turn_id: turnId } });
}
