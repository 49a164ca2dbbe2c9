// The usage that an endpoint reports, under the names of Chat Completions, Responses and their relatives.
import type { JsonValue } from "@bufbuild/protobuf";
import type { Usage } from "../../../domain/turns/reply-piece.ts";
import { isObject } from "../failures.ts";

/** Undefined: nothing is known. */
export function usageOf(usage: JsonValue | undefined, model: JsonValue | undefined): Usage | undefined {
  const told = isObject(usage) ? usage : {};
  const input = isObject(told.prompt_tokens_details) ? told.prompt_tokens_details : told.input_tokens_details;
  const output = isObject(told.completion_tokens_details) ? told.completion_tokens_details : told.output_tokens_details;
  const counts = {
    inputTokens: count(told.prompt_tokens ?? told.input_tokens),
    outputTokens: count(told.completion_tokens ?? told.output_tokens),
    // DeepSeek and Anthropic's relatives have names of their own.
    cachedTokens: count(
      inside(input, "cached_tokens") ??
        told.prompt_cache_hit_tokens ??
        told.cached_tokens ??
        told.cache_read_input_tokens,
    ),
    reasoningTokens: count(inside(output, "reasoning_tokens") ?? told.reasoning_tokens),
    cacheWriteTokens: count(
      inside(input, "cache_write_tokens") ?? inside(input, "cache_creation_tokens") ?? told.cache_creation_input_tokens,
    ),
  };
  const known = Object.entries(counts).filter(([, value]) => value !== undefined);
  const name = typeof model === "string" && model !== "" ? model.slice(0, MAX_MODEL_LENGTH) : undefined;
  if (known.length === 0 && name === undefined) return undefined;
  return { kind: "usage", ...Object.fromEntries(known), ...(name !== undefined && { model: name }) };
}

const MAX_MODEL_LENGTH = 200;

function inside(details: JsonValue | undefined, name: string): JsonValue | undefined {
  return isObject(details) ? details[name] : undefined;
}

function count(value: JsonValue | undefined): bigint | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
}
