// Search in writing with and without spaces: how a query is asked, and the part of a text that shows the match.

/** Scripts that are written without spaces between words; the message table's `search` column splits the same ones. */
const UNSPACED =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff";
const UNSPACED_RUN = new RegExp(`[${UNSPACED}]+`, "gu");
const SNIPPET_LENGTH = 200;
const LEAD = 60;

/**
 * Spells a query for `websearch_to_tsquery`: a run of characters of an unspaced script becomes a phrase of single
 * characters, as which the index holds it.
 */
export function toWebSearch(query: string): string {
  // Every second part stands between quotes, where spaces already mean a phrase.
  return query
    .split('"')
    .map((part, index) =>
      part.replace(UNSPACED_RUN, (run) => {
        const spaced = [...run].join(" ");
        return index % 2 === 1 ? ` ${spaced} ` : ` "${spaced}" `;
      }),
    )
    .join('"');
}

export interface Snippet {
  readonly text: string;
  /** In Unicode code points. */
  readonly highlights: ReadonlyArray<{ readonly start: number; readonly length: number }>;
}

/** The part of a text around the first match, at most 200 code points, and where the words stand in it. */
export function snippetOf(content: string, query: string): Snippet {
  const terms = termsOf(query);
  const pattern = terms.length === 0 ? undefined : new RegExp(terms.map(RegExp.escape).join("|"), "giu");
  const first = Math.max(0, pattern === undefined ? 0 : content.search(pattern));
  const before = [...content.slice(Math.max(0, first - 4 * LEAD), first)].slice(-LEAD).join("");
  const text = [...content.slice(first - before.length, first + 4 * SNIPPET_LENGTH)].slice(0, SNIPPET_LENGTH).join("");
  const highlights =
    pattern === undefined
      ? []
      : [...text.matchAll(pattern)].map(({ 0: match, index }) => ({
          start: [...text.slice(0, index)].length,
          length: [...match].length,
        }));
  return { text, highlights };
}

/** The words that must occur, longest first, so that the longest of two that begin alike is marked. */
function termsOf(query: string): string[] {
  const words = query.match(/-?[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return words
    .filter((word) => !word.startsWith("-") && word.toLowerCase() !== "or")
    .sort((a, b) => b.length - a.length);
}
