// Messages that are almost right: drawn by their descriptors from values that are right, at a limit, or just past it.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import type { Random } from "../stage/random.ts";

/** Values that exist in the store, so that calls get past the doors: ids, page tokens, etags. */
export interface Known {
  readonly ids: readonly string[];
  readonly pageTokens: readonly string[];
  readonly etags: readonly string[];
  /** How much of a message is wrong, from 0 to 1. What is wrong everywhere gets no further than the first check. */
  readonly wild?: number;
}

const DEFAULT_WILD = 0.3;

const TEXTS = [
  ..."|a|Hello|0|-1|1e400|true|null|__proto__|constructor|../..|%00|%2e%2e|a/b|*|{x}|$1|'; drop table message; --".split(
    "|",
  ),
  ...["\u0000", "\ud800", "\udfff\ud800", "👩‍🚀", "é", "e\u0301", "\u202e", "\ufeff", "\r\nx: y", "\u2028", " ", "\t"],
  ...["x".repeat(128), "x".repeat(129), "ü".repeat(500), "x".repeat(5_000)],
  ...["00000000-0000-0000-0000-000000000000", "01890a5d-ac96-774b-bcce-b302099a805", "auth0|123", "clq_1_2_3_4"],
];
const INTEGERS = [0, 1, -1, 2, 50, 200, 201, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, 1e308];
const SMALL = [0, 1, 2, 50];
const LONGS = ["0", "1", "-1", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.0", "", "x"];
const NUMBERS: JsonValue[] = [0, -0.0, 1.5, 1e308, 5e-324, "NaN", "Infinity", "x"];
const TIMES = [
  "2026-01-02T03:04:05Z",
  "2026-01-02T03:04:05.123456789Z",
  "2026-01-02T03:04:05+23:59",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999999999Z",
  "0000-01-01T00:00:00Z",
  "10000-01-01T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "yesterday",
];
const MASKS = ["title", "content", "metadata", "*", "metadata.a", "", "noSuchField", "title,,content", "a.b.c.d"];
const DURATIONS = ["1s", "0s", "-1s", "0.000000001s", "315576000000s", "315576000001s", "1", "s"];

function freeJson(random: Random, depth: number): JsonValue {
  if (depth <= 0 || random.chance(0.4)) return random.pick<JsonValue>([null, true, 1, -1.5, 1e300, ...TEXTS]);
  if (random.chance(0.5)) return Array.from({ length: random.below(4) }, () => freeJson(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: random.below(4) }, () => [random.pick(TEXTS), freeJson(random, depth - 1)] as const),
  );
}

/** Makes JSON of a message type, field by field. */
export function almostMessage(desc: DescMessage, random: Random, known: Known, depth = 4): JsonValue {
  const wild = random.chance(known.wild ?? DEFAULT_WILD);
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return random.pick(wild ? TIMES : TIMES.slice(0, 2));
    case "google.protobuf.Duration":
      return random.pick(wild ? DURATIONS : ["1s"]);
    case "google.protobuf.FieldMask":
      return random.pick(wild ? MASKS : MASKS.slice(0, 4));
    case "google.protobuf.Struct":
      if (!wild) return { a: [1, { b: "c" }] };
      return random.chance(0.05) ? deep(random.between(30, 40)) : (almostObject(random) as JsonValue);
    case "google.protobuf.Value":
      return freeJson(random, 3);
  }
  const json: JsonObject = {};
  const dense = random.chance(0.3) ? 0.9 : 0.4;
  for (const field of desc.fields) {
    if (!random.chance(dense)) continue;
    const name = random.chance(0.9) ? field.jsonName : field.name;
    json[name] = almostField(field, random, known, depth);
  }
  if (wild && random.chance(0.2)) json[random.pick(["unknown", "", "__proto__", "@type"])] = freeJson(random, 2);
  return json;
}

function almostObject(random: Random): JsonValue {
  return random.chance(0.9) ? { a: freeJson(random, 3) } : freeJson(random, 3);
}

function deep(levels: number): JsonValue {
  let value: JsonValue = 1;
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}

function almostField(field: DescField, random: Random, known: Known, depth: number): JsonValue {
  const wild = random.chance(known.wild ?? DEFAULT_WILD);
  // Once in a while of a type that is none of it.
  if (wild && random.chance(0.1)) return freeJson(random, 2);
  const one = () => almostOne(field, random, known, depth);
  switch (field.fieldKind) {
    case "list":
      return Array.from({ length: random.pick(wild ? [0, 1, 1, 2, 3, 101] : [1, 2]) }, one);
    case "map":
      return Object.fromEntries(Array.from({ length: random.below(3) }, () => [random.pick(TEXTS), one()]));
    default:
      return one();
  }
}

function almostOne(field: DescField, random: Random, known: Known, depth: number): JsonValue {
  const wild = random.chance(known.wild ?? DEFAULT_WILD);
  if (field.message !== undefined) return depth > 0 ? almostMessage(field.message, random, known, depth - 1) : {};
  if (field.enum !== undefined) return almostEnum(field.enum, random, wild);
  switch (field.scalar) {
    case ScalarType.BOOL:
      return wild ? random.pick<JsonValue>([true, false, "true", 1, null]) : random.chance(0.5);
    case ScalarType.BYTES:
      return wild ? random.pick(["", "AA==", "AA", "*", "_-8="]) : "AA==";
    case ScalarType.STRING:
      return almostText(field.name, random, known, wild);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return wild ? random.pick(NUMBERS) : 0.5;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      if (!wild) return random.pick(SMALL);
      return random.chance(0.5) ? random.pick(LONGS) : random.pick(INTEGERS);
    default:
      return random.pick(wild ? INTEGERS : SMALL);
  }
}

function almostEnum({ values }: DescEnum, random: Random, wild: boolean): JsonValue {
  return !wild ? (random.pick(values)?.name ?? 0) : random.pick<JsonValue>([0, 1, 99, -1, "NOPE", null]);
}

function almostText(name: string, random: Random, known: Known, wild: boolean): string {
  if (wild && random.chance(0.3)) return random.pick(TEXTS);
  const like = (values: readonly string[]) => (wild ? bend(random.pick(values), random) : random.pick(values));
  if (name === "page_token") return like(["", ...known.pageTokens]);
  if (name === "etag") return like(["", ...known.etags]);
  if (/ids?$|^parent$/.test(name)) return like(known.ids);
  return random.pick(wild ? TEXTS : ["a", "Hello", "é 👩‍🚀", "some words\nand more"]);
}

/** A text with something wrong in it, or as it is. */
export function bend(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + random.pick(["A", "=", "-", "\u0000", " ", "é", "%"]) + text.slice(at + 1);
    case 2:
      return text + random.pick(["A", "==", "x".repeat(2_000)]);
    case 3:
      return text.slice(at) + text.slice(0, at);
    case 4:
      return text.toUpperCase();
    default:
      return text;
  }
}

/** Bytes with something wrong in them: cut, flipped, doubled, filled up. */
export function bendBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
      return flipped;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(Array.from({ length: 8 }, () => random.below(256)))]);
  }
}
