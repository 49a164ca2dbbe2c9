// Reads values of fields from JSON text, as our own writer spells them, and writes them in Protobuf's binary form.
import { type DescField, fromJson, ScalarType, toBinary } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { ByteSink } from "./byte-writer.ts";

/** A text, and how far it is read. */
export interface Source {
  readonly text: string;
  at: number;
  depth: number;
  readonly to: ByteSink;
}

/** Reads a value and writes it. False: it is spelled in another way, or is none of the type. */
export type Read = (from: Source) => boolean;

const VARINT = 0;

/** Undefined for types that are not read here. */
export function scalarOf(
  field: DescField & { fieldKind: "scalar" },
  tag: number,
  keepsEmpty: boolean,
): Read | undefined {
  switch (field.scalar) {
    case ScalarType.STRING:
      return textOf(tag, keepsEmpty);
    case ScalarType.BYTES:
      return bytesOf(tag, keepsEmpty);
    case ScalarType.BOOL:
      return booleanOf(field.number * 8 + VARINT, keepsEmpty);
    case ScalarType.INT32:
      return integerOf(field.number * 8 + VARINT, keepsEmpty);
    default:
      return undefined;
  }
}

export function textOf(tag: number, keepsEmpty: boolean): Read {
  return (from) => {
    const { text, at, to } = from;
    if (text.charCodeAt(at) !== QUOTE) return false;
    if (keepsEmpty || text.charCodeAt(at + 1) !== QUOTE) {
      const end = to.quoted(tag, text, at + 1);
      if (end !== undefined) {
        from.at = end;
        return true;
      }
    }
    const value = stringAt(from);
    if (value === undefined) return false;
    if (keepsEmpty || value !== "") to.text(tag, value);
    return true;
  };
}

function bytesOf(tag: number, keepsEmpty: boolean): Read {
  return (from) => {
    const value = stringAt(from);
    if (value === undefined) return false;
    const bytes = Buffer.from(value, "base64");
    if (bytes.toString("base64") !== value) return false;
    if (keepsEmpty || bytes.byteLength > 0) from.to.bytes(tag, bytes);
    return true;
  };
}

function booleanOf(tag: number, keepsEmpty: boolean): Read {
  return (from) => {
    const value = from.text.charCodeAt(from.at) === LETTER_T;
    const word = value ? "true" : "false";
    if (!from.text.startsWith(word, from.at)) return false;
    from.at += word.length;
    if (keepsEmpty || value) from.to.bool(tag, value);
    return true;
  };
}

/** From 0 to 2^31 - 1, in digits alone. */
function integerOf(tag: number, keepsEmpty: boolean): Read {
  return (from) => {
    const start = from.at;
    let value = 0;
    for (let code = digitAt(from); code !== undefined; code = digitAt(from)) {
      value = 10 * value + code;
      from.at++;
      if (value > MAX_INT32) return false;
    }
    const length = from.at - start;
    if (length === 0 || (length > 1 && from.text.charCodeAt(start) === ZERO)) return false;
    if (keepsEmpty || value !== 0) from.to.int32(tag, value);
    return true;
  };
}

export function enumOf(field: DescField & { fieldKind: "enum" }, keepsEmpty: boolean): Read {
  const numbers = new Map(field.enum.values.map(({ name, number }) => [name, number]));
  return (from) => {
    const number = numbers.get(stringAt(from) ?? "");
    if (number === undefined) return false;
    if (keepsEmpty || number !== 0) from.to.int32(field.number * 8 + VARINT, number);
    return true;
  };
}

export function timeOf(tag: number): Read {
  return (from) => {
    const value = stringAt(from);
    if (value === undefined) return false;
    try {
      from.to.bytes(tag, toBinary(TimestampSchema, fromJson(TimestampSchema, value)));
      return true;
    } catch {
      return false;
    }
  };
}

/** Undefined: no string of JSON stands there. */
function stringAt(from: Source): string | undefined {
  const { text, at } = from;
  if (text.charCodeAt(at) !== QUOTE) return undefined;
  let escaped = false;
  for (let end = at + 1; ; end++) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) {
      from.at = end + 1;
      return escaped ? unescaped(text.slice(at, end + 1)) : text.slice(at + 1, end);
    }
    // JSON has no control characters in strings; past the end it is NaN.
    if (!(code >= SPACE)) return undefined;
    if (code === BACKSLASH) {
      escaped = true;
      end++;
    }
  }
}

function unescaped(literal: string): string | undefined {
  try {
    const value = JSON.parse(literal) as string;
    return value.isWellFormed() ? value : undefined;
  } catch {
    return undefined;
  }
}

function digitAt({ text, at }: Source): number | undefined {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : undefined;
}

const MAX_INT32 = 2 ** 31 - 1;
const SPACE = " ".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const ZERO = "0".charCodeAt(0);
const LETTER_T = "t".charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
