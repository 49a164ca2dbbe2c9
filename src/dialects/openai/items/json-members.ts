// JSON objects as the texts of their members: members that are not read are copied character by character.
import { endOfString } from "../../../domain/json.ts";

/** The members of an object by name, each value as its text. Of a name that comes twice, the last. */
export type Members = Map<string, string>;

/** Undefined: it is no object. @param text one JSON value */
export function membersOf(text: string): Members | undefined {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OPEN_OBJECT) return undefined;
  const members: Members = new Map();
  at = skipSpace(text, at + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const end = endOfString(text, at);
    const name = textOf(text.slice(at, end + 1)) ?? "";
    // After the colon.
    const start = skipSpace(text, skipSpace(text, end + 1) + 1);
    const stop = endOfValue(text, start);
    members.set(name, text.slice(start, stop));
    at = skipSpace(text, stop);
    if (text.charCodeAt(at) !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return members;
}

/** The elements of a list, each as its text. Undefined: it is no list. @param text one JSON value */
export function elementsOf(text: string): string[] | undefined {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OPEN_LIST) return undefined;
  const elements: string[] = [];
  at = skipSpace(text, at + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_LIST) {
    const stop = endOfValue(text, at);
    elements.push(text.slice(at, stop));
    at = skipSpace(text, stop);
    if (text.charCodeAt(at) !== COMMA) break;
    at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The text that a JSON string holds. Undefined: it is no string. */
export function textOf(json: string | undefined): string | undefined {
  return json?.charCodeAt(0) === QUOTE ? (JSON.parse(json) as string) : undefined;
}

/** The object of some members. */
export function objectOf(members: Iterable<readonly [name: string, json: string]>): string {
  let text = "";
  for (const [name, json] of members) text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${json}`;
  return `{${text}}`;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

function skipSpace(text: string, from: number): number {
  for (let at = from; ; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
  }
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (depth === 0) return at + 1;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (code === COMMA || code <= 0x20)) return at;
  }
  return text.length;
}
