// Response objects as JSON.
import { FinishReason, type Turn, TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { isSpent } from "../errors.ts";
import { conversationIdOf } from "../ids.ts";
import { membersOf, objectOf } from "../items/json-members.ts";
import { type ResponseNote, responseIdOf } from "./note.ts";

/** What is shown of fields that the request did not have. */
const DEFAULTS: Readonly<Record<string, string>> = {
  instructions: "null",
  max_output_tokens: "null",
  max_tool_calls: "null",
  parallel_tool_calls: "true",
  prompt_cache_key: "null",
  prompt_cache_retention: "null",
  reasoning: '{"effort":null,"summary":null}',
  safety_identifier: "null",
  service_tier: '"default"',
  temperature: "1",
  text: '{"format":{"type":"text"}}',
  tool_choice: '"auto"',
  tools: "[]",
  top_logprobs: "0",
  top_p: "1",
  truncation: '"disabled"',
  user: "null",
  metadata: "{}",
};

/** Fields that are shown only where the request has them. */
const IF_GIVEN = ["prompt", "prompt_cache_options", "image"];

export type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

/** What was cut is incomplete, also where nothing was said before the cut. */
export function statusOf({ state, finishReason }: Turn): ResponseStatus {
  const isCut = cutReason(finishReason) !== undefined;
  switch (state) {
    case TurnState.QUEUED:
      return "queued";
    case TurnState.COMPLETE:
      return isCut ? "incomplete" : "completed";
    case TurnState.FAILED:
      return isCut ? "incomplete" : "failed";
    case TurnState.CANCELLED:
      return "cancelled";
    default:
      return "in_progress";
  }
}

function isOver(status: ResponseStatus): boolean {
  return status !== "queued" && status !== "in_progress";
}

function cutReason(finish: FinishReason): string | undefined {
  if (finish === FinishReason.LENGTH) return "max_output_tokens";
  return finish === FinishReason.CONTENT_FILTER ? "content_filter" : undefined;
}

/** @param output its items so far, each as JSON */
export function responseJson(
  turn: Turn,
  note: ResponseNote,
  output: readonly string[],
  status: ResponseStatus = statusOf(turn),
): string {
  const { id, createTime, endTime, conversationId, previousTurnId, finishReason } = turn;
  const reason = status === "incomplete" ? cutReason(finishReason) : undefined;
  const members = [
    `"id":"${responseIdOf(id)}","object":"response"`,
    `"created_at":${createTime?.seconds ?? 0n}`,
    `"completed_at":${status === "completed" && endTime ? endTime.seconds : "null"}`,
    `"status":"${status}","background":${note.background}`,
    `"error":${status === "failed" ? errorJson(turn) : "null"}`,
    `"incomplete_details":${reason === undefined ? "null" : `{"reason":"${reason}"}`}`,
    `"model":${JSON.stringify(note.model)},"output":[${output.join(",")}]`,
    `"previous_response_id":${previousTurnId === "" ? "null" : `"${responseIdOf(previousTurnId)}"`}`,
    `"conversation":${note.inConversation ? `{"id":"${conversationIdOf(conversationId)}"}` : "null"}`,
    `"store":${note.store},"usage":${isOver(status) ? usageJson(turn) : "null"},"access_programs":null`,
    ...Object.entries(DEFAULTS).map(([name, json]) => `"${name}":${shown(note.fields.get(name), json)}`),
    ...IF_GIVEN.flatMap((name) => {
      const json = note.fields.get(name);
      return json === undefined ? [] : [`"${name}":${json}`];
    }),
  ];
  return `{${members.join(",")}}`;
}

/** A field as it was given. Of an object the members that were not given are shown too. */
function shown(given: string | undefined, otherwise: string): string {
  const members = given === undefined ? undefined : membersOf(given);
  const others = membersOf(otherwise);
  if (members === undefined || others === undefined) return given ?? otherwise;
  return objectOf([...members, ...[...others].filter(([name]) => !members.has(name))]);
}

/** The code and words of a failure. */
export function failureOf({ failure, failureStatus, failureCode }: Turn): { code: string; message: string } {
  const isTooMany = failureStatus === 429 && !isSpent({ status: failureStatus, code: failureCode });
  const code = isTooMany ? "rate_limit_exceeded" : failureStatus >= 400 && failureStatus < 500 && failureCode;
  return { code: code || "server_error", message: failure };
}

function errorJson(turn: Turn): string {
  return JSON.stringify(failureOf(turn));
}

function usageJson({ usage }: Turn): string {
  if (usage === undefined) return "null";
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens } = usage;
  return (
    `{"input_tokens":${inputTokens},"input_tokens_details":{"cached_tokens":${cachedTokens},` +
    `"cache_write_tokens":${cacheWriteTokens}},` +
    `"output_tokens":${outputTokens},"output_tokens_details":{"reasoning_tokens":${reasoningTokens}},` +
    `"total_tokens":${inputTokens + outputTokens}}`
  );
}
