// Refuses JSON values that the library would accept although they are invalid: numbers as long texts, and dates that do
// not exist. Takes times that it would refuse: with RFC 3339's lower-case letters.
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonReadOptions,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Json } from "../../domain/json.ts";
import { type Place, textOf } from "../../pipeline/validation/message-path.ts";
import { ShapeFault } from "../shape-fault.ts";

/** Maximum number of characters of an integer that is written as a string. To convert millions takes seconds. */
export const MAX_INTEGER_TEXT = 40;
/** Maximum number of characters of any other number that is written as a string. */
export const MAX_NUMBER_TEXT = 1_000;
/** Maximum number of characters of a time or a duration. */
const MAX_TIME_TEXT = 64;

/**
 * What `fromJson` does, but throws a {@link ShapeFault} for a number of too many characters and for a time of no day.
 */
export function readJson(schema: DescMessage, json: Json, options?: Partial<JsonReadOptions>): Message {
  return fromJson(schema, checkJson(schema, json), options);
}

/**
 * Throws a {@link ShapeFault} for what {@link readJson} refuses. Anything else that does not fit is passed over. Gives
 * what the library is to read: the same value, with times in it as the library takes them.
 */
export function checkJson(schema: DescMessage, json: Json): Json {
  return checkOf(schema)?.(json, []) ?? json;
}

/** Looks at one value; `place` leads to it. Gives what is to be read in its place, if it is not that. */
type Check = (json: Json, place: Place) => Json | undefined;

const checks = new WeakMap<DescMessage, { readonly check: Check | undefined }>();

/** Undefined: nothing of the message needs a look. */
function checkOf(schema: DescMessage): Check | undefined {
  let known = checks.get(schema);
  if (known === undefined) {
    // Known before it is made: a message may hold itself.
    const members: [name: string, other: string, check: Check][] = [];
    const own = ownForm(schema);
    const inner: Check = (json, place) => {
      if (!isObject(json)) return undefined;
      for (const [name, other, check] of members) {
        checkMember(check, json, name, place, other);
        if (other !== name) checkMember(check, json, other, place, other);
      }
      return undefined;
    };
    known = { check: own === undefined && needsLook(schema, new Set()) ? inner : own?.check };
    checks.set(schema, known);
    if (known.check === inner) {
      for (const field of schema.fields) {
        const check = fieldCheck(field);
        if (check !== undefined) members.push([field.jsonName, field.name, check]);
      }
    }
  }
  return known.check;
}

/** Of the types that JSON writes as one value, or as anything. Undefined: an object with the fields of the type. */
function ownForm(schema: DescMessage): { readonly check: Check | undefined } | undefined {
  if (!schema.typeName.startsWith("google.protobuf.")) return undefined;
  if (schema.typeName === "google.protobuf.Timestamp") return { check: checkTime };
  if (schema.typeName === "google.protobuf.Duration")
    return { check: textCheck(SPAN, MAX_TIME_TEXT, DURATION, "duration") };
  if (isWrapperDesc(schema)) return { check: fieldCheck(schema.fields[0] as DescField) };
  return { check: undefined };
}

function needsLook(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const own = ownForm(schema);
  if (own !== undefined) return own.check !== undefined;
  return schema.fields.some((field) => {
    if (field.fieldKind === "map" && scalarCheck(field.mapKey) !== undefined) return true;
    if (field.message !== undefined) return needsLook(field.message, seen);
    return field.scalar !== undefined && scalarCheck(field.scalar) !== undefined;
  });
}

function fieldCheck(field: DescField): Check | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return scalarCheck(field.scalar);
    case "message":
      return checkOf(field.message);
    case "list": {
      const item = valueCheck(field);
      return item && eachItem(item);
    }
    case "map": {
      const [key, value] = [scalarCheck(field.mapKey), valueCheck(field)];
      return key || value ? eachPair(key, value) : undefined;
    }
    default:
      return undefined;
  }
}

function valueCheck({ message, scalar }: DescField): Check | undefined {
  if (message !== undefined) return checkOf(message);
  return scalar === undefined ? undefined : scalarCheck(scalar);
}

function eachItem(check: Check): Check {
  return (json, place) => {
    if (!Array.isArray(json)) return undefined;
    for (const [index, item] of json.entries()) json[index] = checkAt(check, item, place, index) ?? item;
    return undefined;
  };
}

function eachPair(key: Check | undefined, value: Check | undefined): Check {
  return (json, place) => {
    if (!isObject(json)) return undefined;
    for (const [name, item] of Object.entries(json)) {
      key?.(name, place);
      const mended = value?.(item, place);
      if (mended !== undefined) json[name] = mended;
    }
    return undefined;
  };
}

function checkMember(check: Check, json: { [name: string]: Json }, name: string, place: Place, step: string): void {
  const value = json[name];
  if (value === undefined) return;
  const mended = checkAt(check, value, place, step);
  if (mended !== undefined) json[name] = mended;
}

function checkAt(check: Check, json: Json, place: Place, step: string | number): Json | undefined {
  place.push(step);
  const mended = check(json, place);
  place.pop();
  return mended;
}

function scalarCheck(scalar: ScalarType): Check | undefined {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
    case ScalarType.BOOL:
      return undefined;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return textCheck(
        FLOAT,
        MAX_NUMBER_TEXT,
        `must be a number of at most ${MAX_NUMBER_TEXT} characters`,
        "number.max_len",
      );
    default: {
      const name = ScalarType[scalar].toLowerCase();
      return textCheck(DECIMAL, MAX_INTEGER_TEXT, `must be an integer that ${name} can hold`, name);
    }
  }
}

/** What texts of numbers and durations are in proto JSON. JavaScript, which reads them, takes `0x10` and `+5` as well. */
const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const FLOAT = /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;
const SPAN = /^-?\d+(?:\.\d+)?s$/;

/** Refuses texts of another form, or of more characters. */
function textCheck(form: RegExp, maxCharacters: number, words: string, rule: string): Check {
  return (json, place) => {
    const fits = typeof json !== "string" || (json.length <= maxCharacters && form.test(json));
    if (!fits) throw new ShapeFault(words, textOf(place), rule);
    return undefined;
  };
}

const DURATION = "must be a number of seconds such as 1.5s";
const TIME = "must be a time such as 2026-01-31T12:00:00Z";
/**
 * RFC 3339, in capitals: year, month, day, hour; then, after what is read right anyhow, the hours and minutes of the
 * offset.
 */
const PARTS = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):[^Z+-]{1,20}(?:Z|[+-](\d\d):(\d\d))$/;

/** Date.parse takes February 30 as March 1 or 2, and the hour 24 as the next day; the library no `t` and no `z`. */
const checkTime: Check = (json, place) => {
  if (typeof json !== "string") return undefined;
  if (json.length > MAX_TIME_TEXT) throw new ShapeFault(TIME, textOf(place), "timestamp");
  const capital = json.toUpperCase();
  const parts = PARTS.exec(capital);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, offsetHour = 0, offsetMinute = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const exists = day <= daysOf(year, month) && hour < 24 && offsetHour < 24 && offsetMinute < 60;
  if (exists) return capital === json ? undefined : capital;
  throw new ShapeFault(TIME, textOf(place), "timestamp");
};

function daysOf(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function isObject(json: Json): json is { [name: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
