// The grammar of `Forwarded` (RFC 7239 §4) and of lists like `X-Forwarded-For`, read from the right.

/**
 * The elements of a comma-separated list, the last first, without the space about them. Read from the right, so that a
 * quote that a client left open reaches nothing that a proxy appended behind it.
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

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

/**
 * A pair of `token "=" value`, to the next ";" or the end. A quoted value may hold escapes; values that need quotes but
 * have none, such as an address with a port, are read too.
 */
const PAIR = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*(?:;|$)/y;

/** The node that the `for` of a forwarded-element names. Undefined: it names none, or is malformed. */
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
