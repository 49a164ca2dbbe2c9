// The tokens of a turn, summed over its calls of the model.
import type { Usage } from "./reply-piece.ts";

/** As its row keeps it: input, output, cached and reasoning tokens, and those written to a cache; null: not reported. */
export interface TokenColumns {
  readonly tokens: readonly (bigint | null)[];
  readonly model: string | null;
}

export const NO_TOKENS: TokenColumns = { tokens: [null, null, null, null, null], model: null };

/** The most that the contract's numbers hold, and far more than any turn uses. */
const MOST = 2n ** 53n - 1n;
const MAX_MODEL = 200;

export function addUsage({ tokens, model }: TokenColumns, usage: Usage): TokenColumns {
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens } = usage;
  const more = [inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens];
  return {
    tokens: tokens.map((before, index) => sum(before, more[index])),
    model: usage.model ? cleaned(usage.model) : model,
  };
}

function sum(before: bigint | null, more: bigint | undefined): bigint | null {
  // A negative number from an endpoint is not a count.
  if (more === undefined || more < 0n) return before;
  const all = (before ?? 0n) + more;
  return all > MOST ? MOST : all;
}

function cleaned(model: string): string {
  return [...model.toWellFormed().replaceAll("\0", "")].slice(0, MAX_MODEL).join("");
}
