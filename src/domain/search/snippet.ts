// Cuts a snippet from a text, around the words that were found.
import { parseSearch, type SearchTerm } from "./query.ts";
import { isAscii, UNSPACED, wordsOf } from "./words.ts";

const SNIPPET_LENGTH = 200;
const LEAD = 60;
/** Words as the text has them: a character of an unspaced script with its marks, else letters, numbers and marks. */
const WORD = new RegExp(`[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}])+`, "gu");
/** So much of a text is taken apart at most, in UTF-16 units: each takes half a microsecond. */
const LOOK = 8_192;
/** Between the words of a compound or a phrase, in UTF-16 units at most. */
const MAX_GAP = 40;

export interface Snippet {
  readonly text: string;
  /** In Unicode code points. */
  readonly highlights: ReadonlyArray<{ readonly start: number; readonly length: number }>;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The part of a text around the first match, at most 200 code points, and where the words stand in it, whole. */
export function snippetOf(content: string, query: string): Snippet {
  const terms = parseSearch(query)
    .flat()
    .filter(({ excluded }) => !excluded);
  const ranges = terms.length === 0 ? [] : rangesOf(content, terms);
  const first = ranges[0]?.start ?? 0;
  const before = [...content.slice(Math.max(0, first - 4 * LEAD), first)].slice(-LEAD).join("");
  const from = first - before.length;
  const text = [...content.slice(from, first + 4 * SNIPPET_LENGTH)].slice(0, SNIPPET_LENGTH).join("");
  const highlights = ranges
    .filter(({ start }) => start < from + text.length)
    .map(({ start, end }) => ({
      start: lengthOf(content.slice(from, start)),
      length: lengthOf(content.slice(start, Math.min(end, from + text.length))),
    }));
  return { text, highlights };
}

function lengthOf(text: string): number {
  return [...text].length;
}

interface Word extends Range {
  readonly word: string;
}

/** Where the terms stand from the first one on, as far as a snippet goes; none overlaps another. */
function rangesOf(content: string, terms: readonly SearchTerm[]): Range[] {
  const longest = Math.max(...terms.map(({ words }) => words.length));
  const found: Range[] = [];
  let window: Word[] = [];
  const take = () => {
    const range = matchAt(window, terms);
    window = range === undefined ? window.slice(1) : window.filter(({ start }) => start >= range.end);
    if (range !== undefined) found.push(range);
  };
  const from = firstCandidate(content, terms);
  for (const { 0: text, index: at } of content.slice(from, from + LOOK).matchAll(WORD)) {
    const index = from + at;
    const first = found[0];
    if (first !== undefined && index > first.start + 4 * SNIPPET_LENGTH) break;
    const end = index + text.length;
    for (const word of wordsOf(text)) window.push({ word, start: index, end });
    while (window.length >= longest) take();
  }
  while (window.length > 0) take();
  return found;
}

/**
 * Where to begin: a search is faster than taking a text apart. ASCII is folded by its case alone; in another text the
 * words may be spelled otherwise, which is found near its beginning only.
 */
function firstCandidate(content: string, terms: readonly SearchTerm[]): number {
  const ascii = isAscii(content);
  if (!ascii && content.length <= LOOK) return 0;
  const at = content.search(new RegExp(terms.map(({ words }) => RegExp.escape(words[0] ?? "")).join("|"), "iu"));
  if (at === -1) return ascii ? content.length : 0;
  return at - (/[\p{L}\p{N}\p{M}]*$/u.exec(content.slice(Math.max(0, at - 2 * LEAD), at))?.[0].length ?? 0);
}

/** The longest term that begins with the first of these words. */
function matchAt(window: readonly Word[], terms: readonly SearchTerm[]): Range | undefined {
  const [first] = window;
  if (first === undefined) return undefined;
  let end = 0;
  for (const { words, prefix } of terms) {
    const last = window[words.length - 1];
    if (last !== undefined && last.end > end && stands(window, words, prefix)) end = last.end;
  }
  return end === 0 ? undefined : { start: first.start, end };
}

function stands(window: readonly Word[], words: readonly string[], prefix: boolean): boolean {
  return words.every((wanted, index) => {
    const { word, start } = window[index] as Word;
    if (index > 0 && start - (window[index - 1] as Word).end > MAX_GAP) return false;
    return prefix && index === words.length - 1 ? word.startsWith(wanted) : word === wanted;
  });
}
