// The words of a text as the index of messages holds them: parts of compounds, without case, width, composition and
// accents.

/** Scripts that are written without spaces between words; each of their characters counts as a word. */
export const UNSPACED =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff";
const UNSPACED_CHARACTER = new RegExp(`[${UNSPACED}]`, "gu");
/** Accents, and the points of Hebrew and Arabic. */
const MARKS = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]+/gu;
/**
 * Normalizing takes n² steps to put n marks in a row into their order. More than 30, which no language has, are left
 * out. The halfwidth sound marks become marks.
 */
const MANY_COMBINING = /[\p{M}\uff9e\uff9f]{31,}/gu;
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}]+/u;
const ASCII = /^[\0-\x7f]*$/;

/** The words of a text, in their order. The migration that makes the column `search` cuts in the same places. */
export function wordsOf(text: string): string[] {
  return folded(text)
    .split(BETWEEN_WORDS)
    .filter((word) => word !== "");
}

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

function folded(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  const small = text.replace(MANY_COMBINING, "").normalize("NFKD").replace(MARKS, "").normalize("NFC").toLowerCase();
  // At the end of a word the small sigma is another one.
  return small.replaceAll("ς", "σ").replace(UNSPACED_CHARACTER, " $& ");
}
