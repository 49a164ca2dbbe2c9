// Results of calls that come with a new turn: each must come after its call.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { readParts } from "../../domain/parts/stored.ts";
import type { Queryable } from "../../store/database.ts";
import { callEntries } from "../../store/turns/entries.ts";

/**
 * Throws UNKNOWN_REFERENCE for the result of a call that is neither in the conversation nor among the entries before
 * it.
 */
export async function checkResults(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  messages: readonly Message[],
): Promise<void> {
  const called = new Set<string>();
  const missing = new Map<string, number>();
  for (const [index, { kind, parts }] of messages.entries()) {
    for (const { content } of parts) {
      if (content.case === "toolCall") called.add(content.value.callId ?? "");
      const isResult = kind === MessageKind.TOOL_RESULT && content.case === "toolResult";
      const callId = isResult ? (content.value.callId ?? "") : "";
      if (callId !== "" && !called.has(callId) && !missing.has(callId)) missing.set(callId, index);
    }
  }
  if (missing.size === 0) return;
  for (const text of await callEntries(tx, caller.tenantId, conversationId)) {
    for (const { content } of readParts(text)) {
      if (content.case === "toolCall") missing.delete(content.value.callId ?? "");
    }
  }
  const [first] = missing;
  if (first === undefined) return;
  const [callId, index] = first;
  const field = `messages[${index}]`;
  const description = `must be that of a call: there is no call ${callId}`;
  throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    metadata: { call_id: callId },
    violations: [{ field, description, rule: "result.call" }],
  });
}
