// What every scenario answers, and how its findings become a failure.
import { FAULTS, type Fault, type Finding, tally } from "../history/check.ts";

/** Counts of what was done and seen; those of several runs add up. */
export type Figures = Readonly<Record<string, number>>;

export interface Verdict {
  readonly figures: Figures;
  /** What is wrong, in words. Empty: the promise held. */
  readonly findings: readonly string[];
}

/** What the history checker found, as figures and words. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  return { figures: figuresOf(tally(findings)), findings: findings.map(sentenceOf) };
}

function figuresOf(counts: Readonly<Record<Fault, number>>): Figures {
  return counts;
}

function sentenceOf({ fault, conversationId, what }: Finding): string {
  return `${fault} (${FAULTS[fault]}): ${what}${conversationId === "" ? "" : `, in ${conversationId}`}`;
}

/** Of these the largest counts. */
const EXTREME = /^(?:longest|most|median)/;

/** Adds figures up, name by name. */
export function addFigures(...all: readonly Figures[]): Figures {
  const sum: Record<string, number> = {};
  for (const figures of all) {
    for (const [name, value] of Object.entries(figures)) {
      sum[name] = EXTREME.test(name) ? Math.max(sum[name] ?? 0, value) : (sum[name] ?? 0) + value;
    }
  }
  return sum;
}
