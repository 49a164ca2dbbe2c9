// Reads addresses that administrators give.

/** `scheme://`, then a host, and no backslash before the query: as everyone reads it. */
const PLAIN = /^[a-z][a-z0-9+.-]*:\/\/[^/\\?#][^\\?#]*(?:[?#]|$)/i;

/**
 * Undefined: it is none, or one that the standard's parser mends without a word: it takes out spaces and control
 * characters, and reads `http:/\host` as `http://host/`. What is stored is what was given, and other programs read it differently.
 */
export function readUrl(text: string): URL | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u0020\u007f]/.test(text) || !PLAIN.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}
