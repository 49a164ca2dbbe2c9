// Any character of Unicode, for random texts.
import fc from "fast-check";

const SURROGATES = [0xd800, 0x800] as const;

/**
 * As `unit` of `fc.string`: any code point but halves of surrogate pairs. The library's own `"binary"` takes a second
 * to list all million of them, and keeps the list: every later collection of garbage goes through it.
 */
export const anyCharacter = fc
  .nat(0x10ffff - SURROGATES[1])
  .map((number) => String.fromCodePoint(number < SURROGATES[0] ? number : number + SURROGATES[1]));
