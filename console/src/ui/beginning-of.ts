// How a long text begins.

/** In UTF-16 units. */
const LONGEST = 160;
/** So much more is shown rather than cut. */
const SPARE = 40;

/** The text itself where it is not long, otherwise its beginning up to the end of a word, with "…". */
export function beginningOf(text: string): string {
  if (text.length <= LONGEST + SPARE) return text;
  const cut = text.slice(0, LONGEST).replace(/[\uD800-\uDBFF]$/, "");
  const end = cut.search(/\s\S*$/);
  // A text without spaces is cut where it is.
  return `${(end > LONGEST / 2 ? cut.slice(0, end) : cut).trimEnd()}…`;
}
