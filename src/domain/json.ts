// JSON.parse without a defect of V8's: after one text with the name "\\", it may read the escaped name "\n" of another
// as it. https://github.com/nodejs/node/issues/63785

/** A value as JSON.parse gives it. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Name {
  /** The indexes of its quotes. */
  readonly start: number;
  readonly end: number;
}

/** Parses JSON. The only texts that are not left to JSON.parse as they are have names with escapes, which are rare. */
export function parseJson(text: string): Json {
  const names = escapedNames(text);
  if (names.length === 0) return JSON.parse(text) as Json;
  // No name of the text begins so, hence none is taken for a stand-in.
  let mark = "\ue000";
  while (text.includes(mark)) mark += "\ue000";
  const standIns = new Map<string, string>();
  let replaced = "";
  let from = 0;
  for (const { start, end } of names) {
    const standIn = `${mark}${standIns.size}`;
    // A string that is no name is read well, and one that is not well-formed is refused here.
    standIns.set(standIn, JSON.parse(text.slice(start, end + 1)) as string);
    replaced += `${text.slice(from, start)}"${standIn}"`;
    from = end + 1;
  }
  return named(JSON.parse(replaced + text.slice(from)) as Json, standIns);
}

/** Whether a text has names that JSON.parse might misread. */
export function hasEscapedNames(text: string): boolean {
  return escapedNames(text).length > 0;
}

/**
 * Escaped quotes that stand closer than so many characters, so many of them: from there on every character is looked
 * at.
 */
const NEAR = 16;
const MANY = 64;

/** The index of the quote that ends the string beginning at `start`; the end of the text if none does. */
export function endOfString(text: string, start: number): number {
  let near = 0;
  let last = start;
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes += 1;
    if (escapes % 2 === 0) return end;
    near = end - last < NEAR ? near + 1 : 0;
    last = end;
    // A search takes as long as a look at a dozen characters.
    if (near === MANY) return plainEndOfString(text, end);
  }
  return text.length;
}

/** The same, for a string of which the character at `at` is known to be escaped. */
function plainEndOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i;
    if (code === 0x5c) i++;
  }
  return text.length;
}

function escapedNames(text: string): Name[] {
  const names: Name[] = [];
  let backslash = text.indexOf("\\");
  if (backslash === -1) return names;
  for (let start = text.indexOf('"'); start !== -1 && backslash !== -1; ) {
    const end = endOfString(text, start);
    if (backslash < end) {
      if (isName(text, end)) names.push({ start, end });
      backslash = text.indexOf("\\", end);
    }
    start = text.indexOf('"', end + 1);
  }
  return names;
}

/** Whether a colon follows the string that ends here. */
function isName(text: string, end: number): boolean {
  for (let i = end + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a) return true;
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return false;
  }
  return false;
}

function named(value: Json, standIns: ReadonlyMap<string, string>): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => named(item, standIns));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [standIns.get(name) ?? name, named(item, standIns)]));
}
