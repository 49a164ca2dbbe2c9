// Values written as text, in a path, a query or a header: scalars, enums and the well-known types that JSON writes as
// one string or number.
import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { FieldMaskSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { MAX_NUMBER_TEXT, readJson } from "../../../codec/json/json-values.ts";
import { enumInWords } from "../../../domain/type-words.ts";
import { isBareWrapper } from "./field-path.ts";

export type TextValue =
  | { readonly kind: "valid"; readonly value: unknown }
  | { readonly kind: "invalid"; readonly description: string; readonly rule: string };

/** Reads the text of one value. */
export type TextReader = (text: string) => TextValue;

const readers = new WeakMap<DescField, TextReader>();

/**
 * The reader for a field, or for one item of a repeated field. Undefined: the field's type has no text form (a message,
 * a map, a repeated message).
 */
export function textReader(field: DescField): TextReader | undefined {
  let reader = readers.get(field);
  if (reader === undefined) {
    reader = createReader(field);
    if (reader !== undefined) readers.set(field, reader);
  }
  return reader;
}

function createReader(field: DescField): TextReader | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return scalarReader(field.scalar, field.longAsString);
    case "enum":
      return enumReader(field.enum);
    case "message":
      return messageReader(field.message, isBareWrapper(field));
    case "list":
      if (field.listKind === "scalar") return scalarReader(field.scalar, field.longAsString);
      return field.listKind === "enum" ? enumReader(field.enum) : undefined;
    default:
      return undefined;
  }
}

/**
 * The reader for one value of a map whose keys are texts. Undefined: not such a map, or its values have no text form.
 */
export function pairReader(field: DescField): TextReader | undefined {
  if (field.fieldKind !== "map" || field.mapKey !== ScalarType.STRING) return undefined;
  if (field.mapKind === "scalar") return scalarReader(field.scalar, false);
  return field.mapKind === "enum" ? enumReader(field.enum) : undefined;
}

const RANGES: Readonly<Partial<Record<ScalarType, readonly [bigint, bigint]>>> = (() => {
  const int32 = [-(2n ** 31n), 2n ** 31n - 1n] as const;
  const uint32 = [0n, 2n ** 32n - 1n] as const;
  const int64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
  const uint64 = [0n, 2n ** 64n - 1n] as const;
  return {
    [ScalarType.INT32]: int32,
    [ScalarType.SINT32]: int32,
    [ScalarType.SFIXED32]: int32,
    [ScalarType.UINT32]: uint32,
    [ScalarType.FIXED32]: uint32,
    [ScalarType.INT64]: int64,
    [ScalarType.SINT64]: int64,
    [ScalarType.SFIXED64]: int64,
    [ScalarType.UINT64]: uint64,
    [ScalarType.FIXED64]: uint64,
  };
})();

function scalarReader(scalar: ScalarType, longAsString: boolean): TextReader {
  switch (scalar) {
    case ScalarType.STRING:
      return valid;
    case ScalarType.BOOL:
      return (text) =>
        text === "true" || text === "false" ? valid(text === "true") : invalid("must be true or false", "bool");
    case ScalarType.BYTES:
      return readBytes;
    case ScalarType.DOUBLE:
      return (text) => readFloat(text, "double", Number.MAX_VALUE);
    case ScalarType.FLOAT:
      return (text) => readFloat(text, "float", 3.4028234663852886e38);
    default:
      return integerReader(scalar, longAsString);
  }
}

function integerReader(scalar: ScalarType, longAsString: boolean): TextReader {
  const [min, max] = RANGES[scalar] ?? [0n, 0n];
  const rule = ScalarType[scalar].toLowerCase();
  const wide = max > 2n ** 32n;
  return (text) => {
    // One spelling for each number: ids in a path must not have two. Twenty characters hold any of 64 bits.
    if (text.length > 20 || !/^(?:0|-?[1-9][0-9]*)$/.test(text)) return invalid("must be a decimal integer", rule);
    const value = BigInt(text);
    if (value < min || value > max) return invalid(`must be from ${min} to ${max}`, rule);
    return valid(!wide ? Number(value) : longAsString ? text : value);
  };
}

function readFloat(text: string, rule: string, max: number): TextValue {
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return valid(Number(text));
  if (text.length > MAX_NUMBER_TEXT) return invalid(`must be a number of at most ${MAX_NUMBER_TEXT} characters`, rule);
  // The grammar of a JSON number, RFC 8259 §6.
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)) return invalid("must be a number", rule);
  const value = Number(text);
  return Math.abs(value) > max ? invalid(`must be a number that a ${rule} can hold`, rule) : valid(value);
}

/** Base64 in the standard or the URL-safe alphabet, padded or not, as the JSON form of Protobuf accepts it. */
function readBytes(text: string): TextValue {
  const body = /^([A-Za-z0-9+/_-]*)={0,2}$/.exec(text)?.[1];
  const padded = body !== undefined && body.length !== text.length;
  if (body === undefined || body.length % 4 === 1 || (padded && text.length % 4 !== 0)) {
    return invalid("must be base64", "bytes");
  }
  return valid(new Uint8Array(Buffer.from(body, "base64url")));
}

function enumReader(desc: DescEnum): TextReader {
  const numbers = new Map(desc.values.map((value) => [value.name, value.number]));
  return (text) => {
    const named = numbers.get(text);
    if (named !== undefined) return valid(named);
    const number = /^(?:0|-?[1-9][0-9]{0,9})$/.test(text) ? Number(text) : undefined;
    const known = number !== undefined && (desc.open ? number === (number | 0) : desc.value[number] !== undefined);
    return known ? valid(number) : invalid(`must be ${enumInWords(desc)}, by name or number`, "enum");
  };
}

function messageReader(desc: DescMessage, bare: boolean): TextReader | undefined {
  if (isWrapperDesc(desc)) {
    const inner = textReader(desc.fields[0] as DescField) as TextReader;
    if (bare) return inner;
    return (text) => {
      const read = inner(text);
      return read.kind === "invalid" ? read : valid(create(desc, { value: read.value } as never));
    };
  }
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return jsonReader(desc, "must be a time such as 2026-01-31T12:00:00Z", "timestamp");
    case "google.protobuf.Duration":
      return jsonReader(
        desc,
        "must be a number of seconds such as 1.5s",
        "duration",
        /^-?[0-9]{1,12}(?:\.[0-9]{1,9})?s$/,
      );
    case "google.protobuf.FieldMask":
      return readFieldMask;
    default:
      return undefined;
  }
}

function jsonReader(desc: DescMessage, description: string, rule: string, pattern?: RegExp): TextReader {
  return (text) => {
    if (pattern !== undefined && !pattern.test(text)) return invalid(description, rule);
    try {
      return valid(readJson(desc, text as JsonValue));
    } catch {
      return invalid(description, rule);
    }
  };
}

/** A name of the contract or of JSON: `display_name` or `displayName`. */
const MASK_PATH =
  /^(?:[a-z][0-9a-z]*(?:_[0-9a-z]+)*|[a-z][0-9A-Za-z]*)(?:\.(?:[a-z][0-9a-z]*(?:_[0-9a-z]+)*|[a-z][0-9A-Za-z]*))*$/;

/** Paths separated by commas, in either spelling. */
function readFieldMask(text: string): TextValue {
  const paths = text === "" ? [] : text.split(",");
  if (!paths.every((path) => MASK_PATH.test(path))) {
    return invalid("must be field paths separated by commas", "field_mask");
  }
  const snake = paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  return valid(create(FieldMaskSchema, { paths: snake }));
}

function valid(value: unknown): TextValue {
  return { kind: "valid", value };
}

function invalid(description: string, rule: string): TextValue {
  return { kind: "invalid", description, rule };
}
