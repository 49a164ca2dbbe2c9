// What to do when a model cannot hold a history: recognize the refusal, and leave out the oldest turns.
import type { TurnOptions } from "../../../domain/turns/turn-options.ts";
import { historyBytes, tokensOf, withinBudget } from "./budget.ts";
import type { Item } from "./items.ts";

/** How OpenAI, Azure, Anthropic, Gemini, Mistral, Groq, Together, vLLM and llama.cpp say it. */
const TOO_LONG =
  /context_length_exceeded|exceed_context_size|context (?:length|window|size|limit)|(?:prompt|input) is too long|reduce the length|token count.{0,80}exceeds|tokens.{0,40}must be <=/is;

/**
 * The part of a refused history that is tried next: each try leaves out more, a model counts tokens faster than it
 * answers.
 */
const NEXT_TRY = 0.7;

/**
 * Whether the caller lets the oldest turns go where the model cannot hold them all. Turns are whole, so this is done
 * here.
 */
export function cutsOff(options: TurnOptions | undefined): boolean {
  return options?.parameters.truncation === "auto";
}

export function isTooLong(refusal: string): boolean {
  return TOO_LONG.test(refusal);
}

/**
 * The history without its oldest turns, as `withinBudget` leaves them out. Undefined: only what must go in any case is
 * left.
 *
 * @param fixed what else the request has, in bytes
 */
export function shortened(items: readonly Item[], fixed: number): readonly Item[] | undefined {
  const bytes = historyBytes(items);
  const kept = withinBudget(items, tokensOf(bytes * NEXT_TRY + fixed), fixed);
  return kept === items || historyBytes(kept) === bytes ? undefined : kept;
}
