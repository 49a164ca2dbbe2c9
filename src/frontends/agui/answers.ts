// Reads a run's answers: `resume` for interrupts, and messages of role `tool` for calls that the client ran.
import { create } from "@bufbuild/protobuf";
import {
  type ApprovalResponsePart,
  ApprovalResponsePartSchema,
  type ToolResultPart,
  ToolResultPartSchema,
} from "../../../gen/colloquy/v1/part_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { textOf, toParts } from "./content.ts";
import { type ResumeEntry, type RunInput, readToolMessage, type ToolMessage } from "./input.ts";
import { toolCallIdOf } from "./thread.ts";

export interface Answers {
  readonly results: readonly ToolResultPart[];
  readonly approvals: readonly ApprovalResponsePart[];
}

/** The ids that the client gave to results, by the ids of the calls. */
export function idsOfResults({ messages }: RunInput): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { id, role, toolCallId } of messages) {
    if (role === "tool" && typeof toolCallId === "string" && id !== "") ids.set(toolCallId, id);
  }
  return ids;
}

/**
 * What the posted answers are to a turn that waits; undefined: none waits. Results of calls that do not wait for one
 * are history, and left alone. `answered` has the questions of the thread that were answered before, which a repeated
 * run answers again. Throws NOT_AWAITED for another answer, and INVALID_FIELD.
 */
export function readAnswers(
  input: RunInput,
  turn: Turn | undefined,
  answered: () => Promise<ReadonlyMap<string, boolean>>,
): Promise<Answers> | Answers {
  const approvals = readResume(input.resume);
  const questions = new Set(turn?.awaited.map(({ approvalId }) => approvalId).filter((id) => id !== ""));
  const awaited = turn?.awaited.filter(({ approvalId }) => approvalId === "") ?? [];
  const calls = new Map(awaited.map(({ callId, messageId }) => [toolCallIdOf(callId, messageId), callId]));
  const results = readResults(input, calls);
  const open = approvals.filter(({ approvalId = "" }) => questions.has(approvalId));
  // Nothing runs because somebody says no to what nobody asks any more: so a client leaves behind what has expired.
  const rest = approvals.filter(({ approvalId = "", granted }) => granted && !questions.has(approvalId));
  if (rest.length === 0) return { results, approvals: open };
  return answered().then((before) => {
    const unknown = rest.find(({ approvalId = "" }) => before.get(approvalId) !== true);
    if (unknown !== undefined) {
      const text = `resume: no answer is awaited for interrupt ${unknown.approvalId}`;
      throw new DomainError(ErrorReason.NOT_AWAITED, text);
    }
    return { results, approvals: open };
  });
}

function readResume(entries: readonly ResumeEntry[]): ApprovalResponsePart[] {
  return entries.map(({ interruptId, status, payload }, at) => {
    if (status === "cancelled") {
      return create(ApprovalResponsePartSchema, { approvalId: interruptId, granted: false, reason: "cancelled" });
    }
    // What may run is said, never guessed.
    const { approved, reason } = (payload ?? {}) as { approved?: unknown; reason?: unknown };
    if (typeof approved !== "boolean") {
      throw invalidField(`resume[${at}].payload.approved`, "must be true or false", "resume.approved");
    }
    return create(ApprovalResponsePartSchema, {
      approvalId: interruptId,
      granted: approved,
      ...(typeof reason === "string" && { reason }),
      payloadJson: JSON.stringify(payload),
    });
  });
}

/** @param calls the agent's ids of the calls that wait, by those that the client knows */
function readResults({ messages }: RunInput, calls: ReadonlyMap<string, string>): ToolResultPart[] {
  if (calls.size === 0) return [];
  const results = new Map<string, ToolResultPart>();
  for (const [at, posted] of messages.entries()) {
    const callId = posted.role === "tool" ? calls.get(String(posted.toolCallId)) : undefined;
    if (callId === undefined) continue;
    results.set(callId, toResult(readToolMessage(posted, at), callId, at));
  }
  return [...results.values()];
}

function toResult({ content, error }: ToolMessage, callId: string, at: number): ToolResultPart {
  if (error) {
    const text = textOf(content) || error;
    return create(ToolResultPartSchema, { callId, isError: true, output: { case: "text", value: text } });
  }
  if (Array.isArray(content)) {
    const parts = toParts(content, `messages[${at}].content`);
    return create(ToolResultPartSchema, { callId, output: { case: "parts", value: { parts } } });
  }
  return create(ToolResultPartSchema, { callId, output: { case: "text", value: textOf(content) } });
}
