// The rules for the answers to a turn beyond those of each field.
import { create } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import type { AnswerTurnRequest } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { checkParts } from "../../domain/parts/rules.ts";
import { MAX_TURN_BYTES } from "../../domain/turns/turn.ts";
import { bytesOf, type TurnEntry } from "../../domain/turns/turn-entry.ts";

/** Throws INVALID_FIELD. */
export function checkAnswers({ results, approvals }: AnswerTurnRequest): void {
  if (results.length + approvals.length === 0) {
    throw invalidField("results", "must not be empty, unless approvals are given", "answers.required");
  }
  const named = new Set<string>();
  const once = (field: string, id: string | undefined) => {
    if (!id) throw invalidField(field, "must be set", "required");
    if (named.has(id)) throw invalidField(field, "must not occur twice", "answers.unique");
    named.add(id);
  };
  for (const [index, result] of results.entries()) {
    once(`results[${index}].call_id`, result.callId);
    if (result.output.case === undefined && !result.isError) {
      throw invalidField(`results[${index}]`, "must have text, json or parts, unless is_error is set", "result.output");
    }
    checkPart(`results[${index}]`, { case: "toolResult", value: result });
  }
  named.clear();
  for (const [index, approval] of approvals.entries()) {
    once(`approvals[${index}].approval_id`, approval.approvalId);
    if (approval.granted === undefined) throw invalidField(`approvals[${index}].granted`, "must be set", "required");
    checkPart(`approvals[${index}]`, { case: "approvalResponse", value: approval });
  }
}

/** Of how the rules name a place in the part of an answer, the answer itself: `parts`, its index, the kind. */
const OWN_STEPS = 3;

function checkPart(field: string, content: Part["content"]): void {
  checkParts({ content: "", parts: [create(PartSchema, { content })] }, (path, rule, description) => {
    const inner = path.slice(OWN_STEPS).map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
    throw invalidField(field + inner.join(""), description, rule);
  });
}

/** Throws INVALID_FIELD where a turn would have more than it may. @param before the bytes of its entries */
export function requireRoom({ results }: AnswerTurnRequest, entries: readonly TurnEntry[], before: number): void {
  const left = Math.max(MAX_TURN_BYTES - before, 0);
  if (entries.reduce((sum, entry) => sum + bytesOf(entry), 0) <= left) return;
  const rule = `must be at most ${left} bytes as JSON, which are left of the ${MAX_TURN_BYTES} of the turn`;
  throw invalidField(results.length > 0 ? "results" : "approvals", rule, "answers.max_bytes");
}
