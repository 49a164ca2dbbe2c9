// Reads the data parts by which a message answers a waiting task.
import { isDeepStrictEqual } from "node:util";
import { create, type JsonObject } from "@bufbuild/protobuf";
import type { Message as OurMessage } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  type ApprovalResponsePart,
  ApprovalResponsePartSchema,
  type ToolResultPart,
  ToolResultPartSchema,
} from "../../../gen/colloquy/v1/part_pb.ts";
import type { Message } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { objectsIn } from "./parts.ts";

const RULE =
  "must answer what the task waits for, each by a data part {approvalId, approved, reason} or {toolCallId, output}";

export interface Answers {
  readonly results: ToolResultPart[];
  readonly approvals: ApprovalResponsePart[];
}

/** Throws INVALID_FIELD where nothing is answered, or not in so many words. */
export function readAnswers({ parts }: Message): Answers {
  const objects = objectsIn(parts);
  const approvals = objects.filter(({ approvalId }) => typeof approvalId === "string").map(toApproval);
  const results = objects
    .filter(({ approvalId, toolCallId }) => approvalId === undefined && typeof toolCallId === "string")
    .map(toResult);
  if (approvals.length + results.length === 0) throw invalidField("message.parts", RULE, "answers.required");
  return { results, approvals };
}

/** Whether the entries of a task have all of these answers, with the same words. */
export function areGiven(entries: readonly OurMessage[], { results, approvals }: Answers): boolean {
  const given = entries.flatMap(({ parts }) => parts.map(({ content }) => content));
  return (
    approvals.every(({ approvalId, granted }) =>
      given.some(
        ({ case: kind, value }) =>
          kind === "approvalResponse" && value.approvalId === approvalId && value.granted === granted,
      ),
    ) &&
    results.every(({ callId, isError, output }) =>
      given.some(
        ({ case: kind, value }) =>
          kind === "toolResult" &&
          value.callId === callId &&
          value.isError === isError &&
          isDeepStrictEqual(value.output, output),
      ),
    )
  );
}

function toApproval(data: JsonObject): ApprovalResponsePart {
  const { approvalId, approved, reason, output, error } = data;
  // Its result would be lost, and there is none before the call is allowed.
  if (output !== undefined || error !== undefined)
    throw invalidField("message.parts", `${RULE}; not both in one`, "answers.one");
  // What may run is said, never guessed.
  if (typeof approved !== "boolean")
    throw invalidField("message.parts", `${RULE}; approved: true or false`, "approved");
  return create(ApprovalResponsePartSchema, {
    approvalId: String(approvalId),
    granted: approved,
    ...(typeof reason === "string" && { reason }),
  });
}

function toResult({ toolCallId, output, error }: JsonObject): ToolResultPart {
  const callId = String(toolCallId);
  if (typeof error === "string") {
    return create(ToolResultPartSchema, { callId, isError: true, output: { case: "text", value: error } });
  }
  if (output === undefined) throw invalidField("message.parts", `${RULE}; output: any JSON`, "output");
  return typeof output === "string"
    ? create(ToolResultPartSchema, { callId, output: { case: "text", value: output } })
    : create(ToolResultPartSchema, { callId, output: { case: "json", value: JSON.stringify(output) } });
}
