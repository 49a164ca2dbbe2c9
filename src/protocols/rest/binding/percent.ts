// Percent-decoding of path segments and query parameters: strict, and once.

export type Decoded =
  | { readonly kind: "valid"; readonly text: string }
  | { readonly kind: "invalid"; readonly description: string; readonly rule: string };

/**
 * Decodes one raw path segment. With `keepSlash`, as google.api.http wants it for variables of several segments, "%2F"
 * and "%2f" are left unchanged.
 */
export function decodeSegment(raw: string, keepSlash: boolean): Decoded {
  if (!raw.includes("%")) return { kind: "valid", text: raw };
  return decode(keepSlash ? raw.replace(/%2f/gi, (slash) => `%25${slash.slice(1)}`) : raw);
}

/** Decodes a name or value of the query, where "+" is a space as HTML forms write it. */
export function decodeQuery(raw: string): Decoded {
  const spaced = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  return spaced.includes("%") ? decode(spaced) : { kind: "valid", text: spaced };
}

function decode(raw: string): Decoded {
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) {
    return { kind: "invalid", description: "has a % that two hexadecimal digits do not follow", rule: "percent" };
  }
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    return { kind: "invalid", description: "must be UTF-8", rule: "utf8" };
  }
  if (text.includes("\0")) return { kind: "invalid", description: "must not hold the character U+0000", rule: "nul" };
  return { kind: "valid", text };
}

/** Encodes a value for a path: everything but `[-_.~0-9a-zA-Z]`, and "/" too unless it is kept. */
export function encodePath(text: string, keepSlash: boolean): string {
  const encoded = encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, hex);
  return keepSlash ? encoded.replaceAll("%2F", "/") : encoded;
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
