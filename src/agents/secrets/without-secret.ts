// Takes a credential out of what comes back from the endpoint that has it: some repeat it in their errors.

/** Shorter ones are words that may stand in any text, and are left alone. In characters. */
const MIN_LENGTH = 8;

/** Stands where the credential stood. */
const INSTEAD = "[credential]";

/** The text without the credential, and without a beginning of it where the text was cut. */
export function withoutSecret(text: string, secret: string | undefined): string {
  if (secret === undefined || secret.length < MIN_LENGTH) return text;
  const escaped = JSON.stringify(secret).slice(1, -1);
  const whole = text.replaceAll(secret, INSTEAD).replaceAll(escaped, INSTEAD);
  for (let length = secret.length - 1; length >= MIN_LENGTH; length--) {
    if (whole.endsWith(secret.slice(0, length))) return whole.slice(0, -length) + INSTEAD;
  }
  return whole;
}

/** Does the same in place to all texts of a value: of objects, of lists, of protobuf messages. */
export function removeSecret<T extends object>(value: T, secret: string | undefined): T {
  if (secret === undefined || value instanceof Uint8Array) return value;
  const members = value as Record<string, unknown>;
  for (const [name, member] of Object.entries(members)) {
    if (typeof member === "string" && name !== "$typeName") {
      const without = withoutSecret(member, secret);
      if (without !== member) members[name] = without;
    } else if (typeof member === "object" && member !== null) removeSecret(member, secret);
  }
  return value;
}
