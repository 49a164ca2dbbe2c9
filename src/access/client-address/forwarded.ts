// Parses `Forwarded` (RFC 7239 §4) and lists like `X-Forwarded-For`, from the right.

/**
 * The elements of a comma-separated list, last first, trimmed. Parsed from the right, so that an unclosed quote of a
 * client does not affect what proxies appended.
 */
export function* hopsFromRight(list: string): Generator<string> {
  let end = list.length;
  let quoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const mark = list[at];
    if (mark === '"' && !isEscaped(list, at)) quoted = !quoted;
    else if (mark === "," && !quoted) {
      const hop = list.slice(at + 1, end).trim();
      // RFC 9110 §5.6.1.2: empty elements do not count.
      if (hop !== "") yield hop;
      end = at;
    }
  }
  const first = list.slice(0, end).trim();
  if (first !== "") yield first;
}

/** Whether an odd number of backslashes precedes a position. */
function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

/**
 * A pair of `token "=" value`, up to the next ";" or the end. A quoted value may have escapes; values without their
 * required quotes, such as an address with a port, are accepted.
 */
const PAIR = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*(?:;|$)/y;

/** The node in the `for` of a forwarded-element. Undefined if there is none, or it is malformed. */
export function forwardedFor(element: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < element.length; at = PAIR.lastIndex) {
    PAIR.lastIndex = at;
    const [, name, quoted, token] = PAIR.exec(element) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() !== "for") continue;
    // §4: each parameter once.
    if (found !== undefined) return undefined;
    found = quoted?.replace(/\\(.)/g, "$1") ?? token;
  }
  return found;
}
