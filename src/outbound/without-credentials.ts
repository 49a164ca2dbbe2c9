// Takes out of a response what was sent with the request and is never shown: some receivers answer with what they got.
const MARK = "[redacted]";

/**
 * A text of a response, in which a mark stands for each credential: as it is, without its scheme, and as JSON and URLs
 * write it; also one at the end that is cut off.
 *
 * @param minLength in characters. Shorter ones are no secrets, and stand in many texts by chance
 */
export function withoutCredentials(start: string, credentials: readonly string[], minLength = 4): string {
  const hidden = [...new Set(credentials.flatMap(formsOf))]
    .filter(({ length }) => length >= minLength)
    .toSorted((a, b) => b.length - a.length);
  let shown = start;
  for (const text of hidden) shown = shown.replaceAll(text, MARK);
  const cut = Math.max(0, ...hidden.map((text) => lengthAtEnd(shown, text, minLength)));
  return cut === 0 ? shown : `${shown.slice(0, -cut)}${MARK}`;
}

function formsOf(credential: string): string[] {
  // `Bearer x`, and `whsec_x` of a signing secret.
  const bare = credential.replace(/^\S+ +|^whsec_/, "");
  return [credential, bare, ...loginOf(credential)].flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
  ]);
}

/** Of `Basic`: name and password, and the password alone, as receivers decode them (RFC 7617). */
function loginOf(credential: string): string[] {
  const [, encoded] = /^basic +(\S+)$/i.exec(credential) ?? [];
  if (encoded === undefined) return [];
  const login = Buffer.from(encoded, "base64").toString();
  return [login, login.slice(login.indexOf(":") + 1)];
}

/** How much of a text stands at the end of another that breaks off within it. */
function lengthAtEnd(whole: string, text: string, minLength: number): number {
  for (let length = Math.min(text.length - 1, whole.length); length >= minLength; length--) {
    if (whole.endsWith(text.slice(0, length))) return length;
  }
  return 0;
}
