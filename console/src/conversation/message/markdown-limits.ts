// Which texts are rendered as Markdown. The parser calls itself for each level, so a few thousand quote marks in a line
// are too deep for it, and a table of thousands of cells holds the page for seconds.

const MAX_CHARACTERS = 50_000;
/** Cells of all tables together, at most: each has a `|`. */
const MAX_BARS = 2_000;
/** Each is an element at least: 20,000 short ones held the page for half a minute. */
const MAX_LINES = 2_000;
/** Quotes and lists within one another that begin on one line: 33 are too many. */
const TOO_DEEP = /^[ \t]*(?:>[ \t]*|[-+*][ \t]+|\d{1,9}[.)][ \t]+){33}/m;

/** Whether a text is rendered as Markdown; otherwise it is shown as it is. */
export function isRendered(source: string): boolean {
  return (
    source.length <= MAX_CHARACTERS &&
    count(source, "|", MAX_BARS) <= MAX_BARS &&
    count(source, "\n", MAX_LINES) <= MAX_LINES &&
    !TOO_DEEP.test(source)
  );
}

/** How often a sign occurs; more than `most` is not counted further. */
function count(source: string, sign: string, most: number): number {
  return source.split(sign, most + 2).length - 1;
}
