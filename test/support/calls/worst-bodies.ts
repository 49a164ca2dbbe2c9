// The worst bodies within 4 MiB for every list, map, text and free JSON of a request, in JSON and in Protobuf.
import { type DescField, type DescMessage, fromJson, type JsonValue, ScalarType, toBinary } from "@bufbuild/protobuf";
import { isRawJson } from "../../../src/protocols/rest/binding/raw-json.ts";

export const LIMIT = 4 << 20;

export interface WorstBody {
  readonly name: string;
  readonly encoding: "json" | "proto";
  /**
   * Made where they are first asked for: who looks at some of the bodies alone does not wait for megabytes of the
   * others.
   */
  readonly bytes: Buffer;
}

function bodyOf(name: string, encoding: WorstBody["encoding"], make: () => Buffer): WorstBody {
  let made: Buffer | undefined;
  return {
    name,
    encoding,
    get bytes() {
      made ??= make();
      return made;
    },
  };
}

/** Fields that lead to another; the last one is the one that is filled. */
type Path = readonly DescField[];

/** Every field of a request, at most so deep. */
export function pathsOf(schema: DescMessage, depth = 4, before: Path = []): Path[] {
  if (depth === 0) return [];
  return schema.fields.flatMap((field) => {
    const path = [...before, field];
    const inner = field.fieldKind === "message" || field.fieldKind === "list" ? field.message : undefined;
    return inner !== undefined && isOwnMessage({ message: inner }) && !before.some((one) => one.message === inner)
      ? [path, ...pathsOf(inner, depth - 1, path)]
      : [path];
  });
}

/** Of the contract, hence an object in JSON. */
export function isOwnMessage({ message }: Pick<DescField, "message">): boolean {
  return message !== undefined && !message.typeName.startsWith("google.protobuf.");
}

function isJson({ message }: DescField): boolean {
  return /^google\.protobuf\.(Struct|Value|ListValue)$/.test(message?.typeName ?? "");
}

/** Left for what is around. */
const ROOM = 2_000;

/** So much of one text that the limit is nearly full. */
const times = madeOnce((text: string) => text.repeat(Math.floor((LIMIT - ROOM) / text.length)));

/** Making such values takes longer than reading them. */
function madeOnce<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}

/** The worst values of one field, as JSON. */
function* valuesOf(field: DescField): Generator<[name: string, json: string]> {
  if (field.fieldKind === "list") {
    for (const item of field.listKind === "message" ? ["{}", "[]"] : ['""', "0"])
      yield [`of ${item}`, `[${times(`${item},`)}${item}]`];
  } else if (field.fieldKind === "map" || isJson(field)) {
    yield ["of names", `{${names(390_000)}}`];
  }
  if (isJson(field)) {
    yield ["of numbers", `{"a":[${times("1,")}1]}`];
    yield ["of objects", `{"a":[${times('{"a":1},')}1]}`];
    yield ["of levels", `{"a":${"[".repeat(200)}${"]".repeat(200)}${times(" ")}}`];
    yield ["of text", `{"a":"${times("x")}"}`];
    yield ["of long names", `{${Array.from({ length: 40 }, (_, i) => `"${i}${"n".repeat(98_000)}":1`).join()}}`];
  }
  if (isRawJson(field)) yield* rawValuesOf(field);
  // An escape is what takes a parser the longest.
  const escapes = `"${times("\\n")}"`;
  yield ["as escapes", escapes];
  if (field.fieldKind === "list") yield ["of escapes", `[${escapes}]`];
  if (field.fieldKind === "map" || isJson(field)) yield ["of escapes", `{"a":${escapes}}`];
  if (field.fieldKind === "scalar" && field.scalar !== ScalarType.STRING) yield ["as digits", times("9")];
  yield* textsOf(field);
  if (field.fieldKind === "message" && !isOwnMessage(field)) yield ["as paths", `"${times("a,")}a"`];
}

/** REST takes any JSON for it. */
function* rawValuesOf({ fieldKind }: DescField): Generator<[name: string, json: string]> {
  for (const item of ["0", "{}", '{"a":1}', '""', '"\\u0000"', "-1e-9"]) {
    yield [`raw, of ${item}`, `[${times(`${item},`)}${item}]`];
    if (fieldKind === "list") yield [`raw, one item of ${item}`, `[[${times(`${item},`)}${item}]]`];
  }
  const one = fieldKind === "list" ? (json: string) => `[${json}]` : (json: string) => json;
  yield ["raw, of levels", one(times("["))];
  yield ["raw, as escapes", one(`"${times("\\u0000")}"`)];
  yield ["raw, as digits", one(times("9"))];
  yield ["raw, of names", one(`{${names(390_000)}}`)];
}

/** What a value that is no text may be written as. Most reads of a number take long for one of many digits. */
function* textsOf({ fieldKind, scalar, message }: DescField): Generator<[name: string, json: string]> {
  if (fieldKind === "map" || scalar === ScalarType.STRING) return;
  const texts = {
    digits: times("9"),
    exponent: `1e${times("9")}`,
    base64: times("QUFB"),
    time: `2026-01-31T12:00:00.${times("0")}Z`,
  };
  for (const [name, text] of Object.entries(texts)) {
    // Where an object is wanted, a text is refused for what it is, whatever it says.
    if (isOwnMessage({ message }) && name !== "base64") continue;
    yield [`as a text: ${name}`, fieldKind === "list" ? `["${text}"]` : `"${text}"`];
  }
}

const names = madeOnce((count: number) => Array.from({ length: count }, (_, i) => `"${i.toString(36)}":1`).join());

const struct = madeOnce((schema: DescMessage) => {
  const json = { a: Array.from({ length: 190_000 }, () => 1) } as JsonValue;
  return Buffer.from(toBinary(schema, fromJson(schema, json)));
});

/** A value where it belongs: within objects, and within a list of one where the way leads through a list. */
function wrap(path: Path, json: string): string {
  return path.toReversed().reduce((inner, field, i) => {
    const value = field.fieldKind === "list" && i > 0 ? `[${inner}]` : inner;
    return `{${JSON.stringify(field.jsonName)}:${value}}`;
  }, json);
}

export function* worstJson(path: Path): Generator<WorstBody> {
  const name = path.map((field) => field.name).join(".");
  for (const [form, json] of valuesOf(path.at(-1) as DescField)) {
    yield bodyOf(`${name} ${form}`, "json", () => Buffer.from(wrap(path, json)));
  }
}

export function* worstProto(path: Path): Generator<WorstBody> {
  const field = path.at(-1) as DescField;
  const name = path.map((one) => one.name).join(".");
  const around = (value: Buffer): Buffer =>
    path.slice(0, -1).reduceRight((inner, one) => delimited(one.number, inner), value);
  const body = (form: string, value: () => Buffer) => bodyOf(`${name} ${form}`, "proto", () => around(value()));
  const size = LIMIT - 200;
  const isText = field.fieldKind === "scalar" && [ScalarType.STRING, ScalarType.BYTES].includes(field.scalar);
  if (field.fieldKind === "list" || field.fieldKind === "map" || field.fieldKind === "message") {
    yield body("of nothing", () => repeated(delimited(field.number, Buffer.alloc(0)), size));
    yield body("of bytes", () => delimited(field.number, Buffer.alloc(size - 10, 0x01)));
  }
  if (isText) yield body("as text", () => delimited(field.number, Buffer.alloc(size - 10, 0x61)));
  if (isText) yield body("many times", () => repeated(delimited(field.number, Buffer.from("a")), size));
  if (isJson(field)) {
    const numbers = struct(field.message as DescMessage);
    if (numbers.length < size) yield body("of numbers", () => delimited(field.number, numbers));
  }
}

/** What no field is. */
export function* worstUnknown(): Generator<WorstBody> {
  for (const [name, json] of [
    ["objects", `{"zzz":[${times("{},")}{}]}`],
    ["objects apart", `{"zzz":[${times(`{}${" ".repeat(20)},`)}{}]}`],
    ["names", `{${names(390_000)}}`],
    ["names twice", `{${times('"zzz":1,')}"zzz":1}`],
    ["escaped names", `{${times('"\\u0061\\n":1,')}"a":1}`],
    ["digits", `{"zzz":${times("9")}}`],
    ["text", `{"zzz":"${times("x")}"}`],
    ["a long name", `{"${times("x")}":1}`],
    ["levels", times("[")],
    ["white space", `{"zzz":${times(" ")}1}`],
    ["nothing that is JSON", times("x")],
    ["an open text", `{"zzz":"${times("x")}`],
    ["backslashes", `{"zzz":"${times("\\\\")}`],
    ["quotes", times('"')],
    ["commas", `{${times(",")}`],
  ] as const) {
    yield bodyOf(`unknown ${name}`, "json", () => Buffer.from(json));
  }
  const size = LIMIT - 200;
  for (const [name, hex] of [
    ["fields", "f83f00"],
    ["fields of bytes", "fa3f00"],
    ["groups", "fb3ffc3f"],
    ["open groups", "fb3f"],
    ["zeroes", "00"],
  ] as const) {
    yield bodyOf(`unknown ${name}`, "proto", () => repeated(Buffer.from(hex, "hex"), size));
  }
}

/** What no field is in an item of a list: to name the item takes as long as to read it. */
export function* worstInItem(): Generator<WorstBody> {
  for (const [name, value] of [
    ["escapes", `"${times("\\n")}"`],
    ["escaped quotes", `"${times('\\"')}"`],
  ] as const) {
    yield bodyOf(`unknown ${name} in an item`, "json", () => Buffer.from(`{"messages":[{"zzz":${value}}]}`));
  }
}

function repeated(part: Buffer, size: number): Buffer {
  return Buffer.alloc(Math.floor(size / part.length) * part.length, part);
}

function delimited(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
