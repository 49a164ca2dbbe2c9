// Parses a search query into the words that must occur in a text.
import { wordsOf } from "./words.ts";

/** Words that stand next to each other: one, or those of a phrase or of a compound such as `A-4711`. */
export interface SearchTerm {
  readonly words: readonly string[];
  /** Whether the last word may go on. */
  readonly prefix: boolean;
  /** Whether it must not occur. */
  readonly excluded: boolean;
}

/** One of these must be met; each asks for all of its terms. */
export type SearchQuery = readonly (readonly SearchTerm[])[];

/** A phrase in quotes, or what stands between spaces; either behind a `-`. */
const TERMS = /(-?)"([^"]*)"?|([^\s"]+)/gu;

export function parseSearch(query: string): SearchQuery {
  const groups: SearchTerm[][] = [[]];
  const parts = [...query.matchAll(TERMS)];
  for (const [place, [, minus, phrase, bare = ""]] of parts.entries()) {
    // Between two others; alone it is a word.
    if (bare.toLowerCase() === "or" && place > 0 && place < parts.length - 1) {
      groups.push([]);
      continue;
    }
    const text = phrase ?? bare;
    const words = wordsOf(text);
    const excluded = phrase === undefined ? /^-./u.test(bare) : minus === "-";
    if (words.length > 0) groups.at(-1)?.push({ words, prefix: text.endsWith("*"), excluded });
  }
  return groups.filter((group) => group.length > 0);
}

/** Spells a query for `to_tsquery`. Words hold letters, numbers and marks alone. */
export function toTsQuery(query: SearchQuery): string {
  return query.map((group) => group.map(spell).join(" & ")).join(" | ");
}

function spell({ words, prefix, excluded }: SearchTerm): string {
  const last = words.length - 1;
  const phrase = words.map((word, index) => `'${word}'${prefix && index === last ? ":*" : ""}`).join(" <-> ");
  return `${excluded ? "!" : ""}(${phrase})`;
}
