// Numbers that JSON can write and a double cannot hold: reading them would silently make them others.

/** The rule that such a number breaks, and its words. */
export const INEXACT = [
  "number.exact",
  "must hold only numbers that a double can: beyond 2^53 write an integer as a string",
] as const;

/** What may be one: an exponent, or sixteen digits. A text has either in other places too. */
const MAYBE = /(?:^|[[:,\s])-?\d(?:[\d.]{15}|[\d.]{0,14}[eE])/;
const SHORT = 16;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Whether a text is worth looking through. */
export function mayHoldInexact(text: string): boolean {
  return MAYBE.test(text);
}

/**
 * Whether a literal is an integer that is read as another one, or so small that it is read as 0. Fractions are rounded, as
 * everywhere in JSON; what is too large for a double is infinite, which is refused as such.
 */
export function isInexact(literal: string): boolean {
  if (literal.length < SHORT && !/[eE]/.test(literal)) return false;
  const written = decimalOf(literal);
  if (written === undefined || written.digits === "") return false;
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return true;
  if (written.exponent < 0) return false;
  const read = decimalOf(String(value));
  return read?.digits !== written.digits || read.exponent !== written.exponent;
}

/** The digits of a number without zeros around them, and the power of ten of the last; undefined: it is none. */
function decimalOf(text: string): { readonly digits: string; readonly exponent: number } | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", power = "0"] = match;
  const all = (whole + fraction).replace(/^0+/, "");
  let end = all.length;
  while (end > 0 && all.charCodeAt(end - 1) === 0x30) end--;
  return { digits: all.slice(0, end), exponent: Number(power) - fraction.length + all.length - end };
}
