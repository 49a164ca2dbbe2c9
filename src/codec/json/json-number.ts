// JSON numbers that a double cannot represent: parsing them would silently change them.

/** The rule that a number breaks, and its words. */
export type NumberFault = readonly [rule: string, words: string];

const INEXACT: NumberFault = [
  "number.exact",
  "must hold only numbers that a double can: beyond 2^53 write an integer as a string",
];
const INFINITE: NumberFault = ["number.finite", "must be a number that JSON can carry: not NaN, not infinite"];

/** What may be one: an exponent, or sixteen digits. A text has either in other places too. */
const MAYBE = /(?:^|[[:,\s])-?\d(?:[\d.]{15}|[\d.]{0,14}[eE])/;
const SHORT = 16;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Whether a text is worth looking through. */
export function mayHoldFault(text: string): boolean {
  return MAYBE.test(text);
}

/**
 * What is wrong with a literal, if it is a number; undefined: nothing. @param finite whether it must not be too large
 */
export function numberFault(literal: string, finite: boolean): NumberFault | undefined {
  if (literal.length < SHORT && !/[eE]/.test(literal)) return undefined;
  const written = decimalOf(literal);
  if (written === undefined || written.digits === "") return undefined;
  const value = Number(literal);
  if (!Number.isFinite(value)) return finite ? INFINITE : undefined;
  return isInexact(written, value) ? INEXACT : undefined;
}

/**
 * An integer that is read as another one, or a number so small that it is read as 0. Fractions are rounded, as
 * everywhere in JSON.
 */
function isInexact(written: Decimal, value: number): boolean {
  if (value === 0) return true;
  if (written.exponent < 0) return false;
  const read = decimalOf(String(value));
  return read?.digits !== written.digits || read.exponent !== written.exponent;
}

/** The digits of a number without zeros around them, and the power of ten of the last. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

/** Undefined: it is not a number. */
function decimalOf(text: string): Decimal | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", power = "0"] = match;
  const all = (whole + fraction).replace(/^0+/, "");
  let end = all.length;
  while (end > 0 && all.charCodeAt(end - 1) === 0x30) end--;
  return { digits: all.slice(0, end), exponent: Number(power) - fraction.length + all.length - end };
}
