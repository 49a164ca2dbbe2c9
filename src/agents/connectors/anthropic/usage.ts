// The usage of a message: its counts are of all of it so far.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Usage } from "../../../domain/turns/reply-piece.ts";
import { isObject } from "../failures.ts";

const MAX_MODEL_LENGTH = 200;

export class MessageUsage {
  #counts: JsonObject = {};
  model: unknown;

  /** Takes counts; those that are left out or null stay as they were. */
  count(usage: unknown): void {
    if (!isObject(usage)) return;
    this.#counts = {
      ...this.#counts,
      ...Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null)),
    };
  }

  /** Undefined: nothing is known. The input includes what was read from and written to the cache. */
  told(): Usage | undefined {
    const told = this.#counts;
    const input = [told.input_tokens, told.cache_read_input_tokens, told.cache_creation_input_tokens];
    const known = input.map(countOf).filter((value) => value !== undefined);
    const details = isObject(told.output_tokens_details) ? told.output_tokens_details : {};
    const counts = {
      inputTokens: known.length === 0 ? undefined : known.reduce((sum, one) => sum + one, 0n),
      outputTokens: countOf(told.output_tokens),
      cachedTokens: countOf(told.cache_read_input_tokens),
      reasoningTokens: countOf(details.thinking_tokens),
      cacheWriteTokens: countOf(told.cache_creation_input_tokens),
    };
    const defined = Object.entries(counts).filter(([, value]) => value !== undefined);
    const model =
      typeof this.model === "string" && this.model !== "" ? this.model.slice(0, MAX_MODEL_LENGTH) : undefined;
    if (defined.length === 0 && model === undefined) return undefined;
    return { kind: "usage", ...Object.fromEntries(defined), ...(model !== undefined && { model }) };
  }
}

function countOf(value: unknown): bigint | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
}
