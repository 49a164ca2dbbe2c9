// The field that was probably meant by a name that no field has.
import type { DescMessage } from "@bufbuild/protobuf";
import { fieldNamed } from "../field-named.ts";

/** Longer names are not compared, so that a hostile body cannot make an error expensive. */
const MAX_LENGTH = 40;

/**
 * A field one or two letters away, or one of that name in a message that the message holds: `conversation.title` for
 * `title`. Undefined: there is none, or the name is longer than 40 characters.
 */
export function nearestField(schema: DescMessage, key: string): string | undefined {
  if (key.length < 3 || key.length > MAX_LENGTH) return undefined;
  const wanted = plain(key);
  // One letter of a name of three to five, two of a longer one.
  const within = Math.min(2, Math.floor(key.length / 3));
  for (const { name } of schema.fields) if (isWithin(plain(name), wanted, within)) return name;
  for (const { name, fieldKind, message } of schema.fields) {
    if (fieldKind === "message" && message && fieldNamed(message, key))
      return `${name}.${fieldNamed(message, key)?.name}`;
  }
  return undefined;
}

/** Without what the two ways to write a name differ in. */
function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** Whether at most so many letters have to be added, dropped, changed or swapped with their neighbour. */
function isWithin(one: string, other: string, most: number): boolean {
  if (Math.abs(one.length - other.length) > most) return false;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, row] = [row, next];
  }
  return (row[other.length] ?? 0) <= most;
}
