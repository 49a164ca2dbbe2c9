// Makes a string that a regular expression matches, for the everyday part of their grammar.

// Pattern = Branch { "|" Branch } ;  Branch = { Atom [ Quantifier ] } ;
// Atom = "(" Pattern ")" | "[" Class "]" | "\" Escape | "." | "^" | "$" | CHARACTER ;

const CLASSES: Readonly<Record<string, string>> = { d: "1", w: "a", s: " ", D: "a", W: "-", S: "a", t: "\t", n: "\n" };

/** The first alternative, each part as rarely as it may come; undefined where the grammar is not understood. */
export function sampleOf(pattern: string): string | undefined {
  const reader = { pattern, at: 0 };
  try {
    const text = branches(reader);
    return reader.at === pattern.length && new RegExp(pattern, "u").test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

interface Reader {
  readonly pattern: string;
  at: number;
}

function branches(reader: Reader): string {
  const [first = ""] = [branch(reader)];
  while (reader.pattern[reader.at] === "|") {
    reader.at++;
    branch(reader);
  }
  return first;
}

function branch(reader: Reader): string {
  let text = "";
  while (reader.at < reader.pattern.length && !"|)".includes(reader.pattern.charAt(reader.at))) {
    const atom = atomOf(reader);
    text += atom.repeat(quantifier(reader));
  }
  return text;
}

function atomOf(reader: Reader): string {
  const character = reader.pattern.charAt(reader.at++);
  switch (character) {
    case "(": {
      const group = /\?(?::|<[A-Za-z]\w*>|P<[A-Za-z]\w*>)/y;
      group.lastIndex = reader.at;
      const opened = group.exec(reader.pattern);
      if (opened !== null) reader.at += opened[0].length;
      else if (reader.pattern[reader.at] === "?") throw new SyntaxError("a group that is not understood");
      const text = branches(reader);
      reader.at++;
      return text;
    }
    case "[":
      return classMember(reader);
    case "\\":
      return escaped(reader.pattern.charAt(reader.at++));
    case ".":
      return "a";
    case "^":
    case "$":
      return "";
    default:
      return character;
  }
}

function escaped(character: string): string {
  if (/[pPux0-9bB]/.test(character)) throw new SyntaxError("an escape that is not understood");
  return CLASSES[character] ?? character;
}

function classMember(reader: Reader): string {
  const close = /\](?=)/g;
  close.lastIndex = reader.at + 1;
  const start = reader.at;
  do {
    const found = close.exec(reader.pattern);
    if (found === null) throw new SyntaxError("a class without an end");
    reader.at = found.index + 1;
  } while (reader.pattern[reader.at - 2] === "\\");
  const matcher = new RegExp(reader.pattern.slice(start - 1, reader.at), "u");
  const member = ["a", "A", "1", "0", "-", "_", "z", "Z", ...printable()].find((candidate) => matcher.test(candidate));
  if (member === undefined) throw new SyntaxError("a class without a printable member");
  return member;
}

function printable(): string[] {
  return Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
}

function quantifier(reader: Reader): number {
  const found = /[*+?]\??|\{(\d+)(?:,\d*)?\}\??/y;
  found.lastIndex = reader.at;
  const match = found.exec(reader.pattern);
  if (match === null) return 1;
  reader.at += match[0].length;
  if (match[1] !== undefined) return Number(match[1]);
  return match[0].startsWith("+") ? 1 : 0;
}
