// Reads addresses that administrators give.

/** Undefined: it is none, or holds spaces or control characters, which the standard's parser takes out without a word. */
export function readUrl(text: string): URL | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u0020\u007f]/.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}
