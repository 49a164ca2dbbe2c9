// The patterns of the contract's rules, in words.

const WORDS: Readonly<Record<string, string>> = {
  "^[!-~]*$": "must be visible ASCII characters",
  "^[A-Za-z0-9_-]+$": "must be letters, digits, _ and -",
  "^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$":
    "must be 1 to 63 of the characters a-z, 0-9, ., _, / and -, the first and the last a letter or digit",
  "^[^\\x00-\\x1f\\x7f]*$": "must not hold control characters",
  "^([0-9a-f]{64})?$": "must be a SHA-256 of 64 lower-case hexadecimal digits",
  "^([0-9]{1,19}([.][0-9]{1,19})?)?$": "must be the cursor of a response",
  "^[0-9]{1,19}([.][0-9]{1,19})?$": "must be the cursor of a response",
  "^(e[0-9]+(\\.[0-9]+){1,3}|[0-9]*)$": "must be the cursor or the next_offset of a response",
  "^([a-z]([a-z0-9-]*[a-z0-9])?)?$":
    "must be lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen",
  "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$": "must be the name of an HTTP header",
  "^([!-~]([ -~]*[!-~])?)?$": "must be printable ASCII characters without a space at either end",
  "^[a-z][a-z0-9_.-]*$": "must be lower-case letters, digits, _, . and -, and begin with a letter",
  "^[a-z_]+[.][a-z_]+$": "must be a kind of event such as message.sent",
};

/** Undefined: the pattern has no words here. */
export function wordsOfPattern(pattern: string): string | undefined {
  return Object.hasOwn(WORDS, pattern) ? WORDS[pattern] : undefined;
}
