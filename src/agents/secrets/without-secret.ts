// Takes a credential out of what comes back from the endpoint that has it: some repeat it in their errors.
import { withoutCredentials } from "../../outbound/without-credentials.ts";

/** Shorter ones are words that may stand in any text, and are left alone. In characters. */
const MIN_LENGTH = 8;

/** The text without the credential, and without a beginning of it where the text was cut. */
export function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined ? text : withoutCredentials(text, [secret], MIN_LENGTH);
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
