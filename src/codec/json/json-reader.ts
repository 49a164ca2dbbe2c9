// Checks the text of a JSON body before it is parsed, where parsing would be wrong or slow.
import {
  type DescMessage,
  fromJsonString,
  type JsonReadOptions,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { malformed } from "../../domain/errors.ts";
import { endOfString, parseJson } from "../../domain/json.ts";
import { readJson } from "./json-values.ts";

export { parseJson };

/**
 * Maximum number of levels of objects and lists in a body: a list or map of messages is two for each of the 100 of
 * messages.
 */
export const MAX_JSON_DEPTH = 256;

/**
 * Names of small objects are read fast, for many have the same; each of a large one takes a parser most of a
 * microsecond.
 */
const WIDE = 100;
const MAX_WIDE_NAMES = 20_000;
/** Fewer than the commas of any list. */
const LIST = -(2 ** 30);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Maximum number of values of a body that is parsed at once. */
export const MAX_VALUES = 20_000;

/** A decoder that throws MALFORMED_BODY if a body is not UTF-8, or {@link boundsFault} finds a fault. */
export const jsonText: { decode(bytes?: Uint8Array): string } = {
  decode(bytes) {
    const text = textOf(bytes);
    const fault = boundsFault(text);
    if (fault !== undefined) throw malformed(fault);
    return text;
  },
};

/** Throws MALFORMED_BODY where bytes are not UTF-8. */
export function textOf(bytes?: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed("the body must be UTF-8");
  }
}

/**
 * What bounds look at outside of strings. An expression passes megabytes without a mark several times as fast as a
 * loop.
 */
const MARK = /[[\]{}",]/g;
/** After so many characters without one it is looked for by the expression. */
const STRETCH = 32;

/**
 * Says that a text is nested past {@link MAX_JSON_DEPTH}, or that it holds more than `maxValues` values, by its commas,
 * or too many names in large objects.
 * To parse a million levels, or values, holds up every other call for half a second; to find them takes milliseconds.
 */
export function boundsFault(text: string, maxValues = MAX_VALUES): string | undefined {
  if (text.length <= MAX_JSON_DEPTH) return undefined;
  // Fewer characters cannot write so many values.
  let left = text.length > 2 * maxValues ? maxValues : Number.POSITIVE_INFINITY;
  // Each value is a string at most, with a name; values without commas between them are as many as levels.
  let strings = 2 * (maxValues + 1 + MAX_JSON_DEPTH);
  let wide = MAX_WIDE_NAMES;
  /** Of each object and list around: how many members it has yet; a list begins below 0, which it does not reach. */
  const members = new Int32Array(MAX_JSON_DEPTH + 1);
  let depth = 0;
  let unmarked = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_JSON_DEPTH) return `the body must be nested at most ${MAX_JSON_DEPTH} levels deep`;
        members[depth] = text.charCodeAt(i) === 0x7b ? 0 : LIST;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x22: // "
        if (strings-- === 0) return `the body must hold at most ${maxValues} values`;
        i = endOfString(text, i);
        break;
      case 0x2c: // ,
        if (left-- === 0) return `the body must hold at most ${maxValues} values`;
        members[depth] = (members[depth] ?? LIST) + 1;
        if ((members[depth] as number) > WIDE && wide-- === 0) {
          return `objects of more than ${WIDE} names must hold at most ${MAX_WIDE_NAMES} in all`;
        }
        break;
      default:
        if (++unmarked < STRETCH) break;
        unmarked = 0;
        MARK.lastIndex = i + 1;
        if (!MARK.test(text)) return undefined;
        i = MARK.lastIndex - 2;
    }
  }
  return undefined;
}

/**
 * The error for a text that {@link parseJson} refused. V8's message quotes the input, so only its position is reported.
 */
export function parseFault(error: unknown): string {
  const at = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
  return `the body must be JSON${at === undefined ? "" : `: it breaks ${at}`}`;
}

/**
 * A message from a text. Names given twice are refused. Throws what `fromJsonString` does, and what {@link readJson}
 * does.
 */
export function messageFromJson(schema: DescMessage, text: string, options: Partial<JsonReadOptions>): Message {
  const plain = parsePlain(text);
  if (plain !== undefined) return readJson(schema, plain, options);
  refuseNamesGivenTwice(schema, text);
  return readJson(schema, parseJson(text), options);
}

/** Texts of more characters are not worth writing again. */
const SHORT_TEXT = 4096;

/**
 * The value of a short text without escapes, if it says nothing but that value: written again it is the same, so it
 * holds no name twice. Most clients write so, and to look for such names takes longer.
 */
function parsePlain(text: string): JsonValue | undefined {
  if (text.length > SHORT_TEXT || text.includes("\\")) return undefined;
  try {
    const value = JSON.parse(text) as JsonValue;
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    // The library says what is wrong with it.
    return undefined;
  }
}

/** Throws, in the name of the message, where an object holds a name twice, which nothing that is parsed still shows. */
export function refuseNamesGivenTwice(schema: DescMessage, text: string): void {
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true });
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replace(EmptySchema.typeName, schema.typeName);
    throw error;
  }
}
