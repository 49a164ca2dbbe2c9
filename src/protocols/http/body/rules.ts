// The rules for all request bodies of a process.
import { BodyMemory, type BodyMemoryLimits } from "./memory.ts";

export interface BodyRules {
  /** How long a body may take to arrive; of a stream of requests: in what time it must make progress. Milliseconds. */
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
}

export interface BodyRuleLimits extends BodyMemoryLimits {
  readonly bodyTimeoutMs: number;
}

export function createBodyRules({ bodyTimeoutMs = 60_000, ...memory }: Partial<BodyRuleLimits> = {}): BodyRules {
  return { timeoutMs: bodyTimeoutMs, memory: new BodyMemory(memory) };
}
