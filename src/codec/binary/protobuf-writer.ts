// Writes messages in Protobuf's binary form, by plans compiled once for each message type. Same bytes as `toBinary`.
import { type DescField, type DescMessage, fromJson, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { lazyText } from "../../domain/protobuf/lazy-field.ts";
import { fieldsInOrder, isTextMap, isWellKnown, type Unset, unsetOf } from "../field-presence.ts";
import { createFieldFromJson, type FieldFromJson } from "./binary-from-json.ts";
import { ByteSink } from "./byte-writer.ts";

/** The binary form of a message (https://protobuf.dev/programming-guides/encoding). */
export type BinaryForm = (schema: DescMessage, message: Message) => Buffer;

// biome-ignore lint/suspicious/noExplicitAny: a field's descriptor fixes the type of its value
type Write = (value: any, sink: ByteSink) => void;

/** How a number, text or the like is written: its tag, then its value by this method. */
interface Scalar {
  readonly tag: number;
  readonly method: "text" | "bytes" | "bool" | "int32" | "uint32" | "int64" | "double" | "float";
}

/** How one field is written. */
interface Step extends Unset {
  /** Where the value lies in the message. */
  readonly name: string;
  /** Undefined for all that is more than a scalar. */
  readonly scalar: Scalar | undefined;
  /** Undefined for a scalar. */
  readonly write: Write | undefined;
  /** For a field that may have come as JSON text. */
  readonly writeText: FieldFromJson | undefined;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

export function createBinaryForm(): BinaryForm {
  const writers = new Map<DescMessage, Write>();
  const sink = new ByteSink();

  function writerOf(schema: DescMessage): Write {
    let write = writers.get(schema);
    if (write === undefined) {
      // Known before it is made: a message may hold itself.
      writers.set(schema, (message, to) => writerOf(schema)(message, to));
      write = makeWriter(schema);
      writers.set(schema, write);
    }
    return write;
  }

  function makeWriter(schema: DescMessage): Write {
    const byLibrary: Write = (message: Message, to) => to.raw(toBinary(schema, message));
    const steps = fieldsInOrder(schema).map(stepOf);
    // Whatever is unusual is left to the library.
    if (!steps.every((step) => step !== undefined)) return byLibrary;
    const write = compile(steps);
    return (message: Message, to) => (message.$unknown === undefined ? write(message, to) : byLibrary(message, to));
  }

  function stepOf(field: DescField): Step | undefined {
    const unset = unsetOf(field);
    const scalar = fieldScalar(field);
    const write = scalar === undefined ? fieldWriter(field) : undefined;
    if (unset === undefined || (scalar ?? write) === undefined) return undefined;
    const writeText = field.fieldKind === "list" && field.listKind === "message" ? textWriter(field) : undefined;
    return { ...unset, name: field.localName, scalar, write, writeText };
  }

  function textWriter(field: DescField): FieldFromJson {
    // Compiled late: few fields come as text.
    let write: FieldFromJson | undefined;
    return (text, to) => {
      write ??= createFieldFromJson(field);
      return write(text, to);
    };
  }

  function fieldScalar(field: DescField): Scalar | undefined {
    if (field.fieldKind === "enum") return scalarOf(field.number, ScalarType.INT32);
    return field.fieldKind === "scalar" ? scalarOf(field.number, field.scalar) : undefined;
  }

  function fieldWriter(field: DescField): Write | undefined {
    const { number } = field;
    switch (field.fieldKind) {
      case "message":
        return field.delimitedEncoding ? undefined : messageWriter(number, field.message);
      case "list": {
        const one = itemWriter(field);
        return (
          one &&
          ((items: readonly unknown[], to) => {
            for (const item of items) one(item, to);
          })
        );
      }
      case "map":
        return isTextMap(field) ? textMapWriter(number) : undefined;
      default:
        return undefined;
    }
  }

  /** Lists of numbers are packed, which is left to the library. */
  function itemWriter(field: DescField & { fieldKind: "list" }): Write | undefined {
    if (field.listKind === "message")
      return field.delimitedEncoding ? undefined : messageWriter(field.number, field.message);
    if (field.listKind !== "scalar" || field.scalar !== ScalarType.STRING) return undefined;
    const tag = tagOf(field.number, LENGTH_DELIMITED);
    return (text: string, to) => to.text(tag, text);
  }

  function messageWriter(number: number, schema: DescMessage): Write | undefined {
    const tag = tagOf(number, LENGTH_DELIMITED);
    // In a field, a Struct is the JSON that it stands for.
    if (schema.typeName === StructSchema.typeName) {
      return (json, to) => to.bytes(tag, toBinary(StructSchema, fromJson(StructSchema, json)));
    }
    // A wrapper comes unwrapped.
    if (isWellKnown(schema) && schema.typeName !== "google.protobuf.Timestamp") return undefined;
    // As much as the one before took: the messages of a response are much alike, and what is guessed right is not
    // moved.
    let room = 1;
    let write: Write | undefined;
    return (message, to) => {
      // Made late: a message may hold itself.
      write ??= writerOf(schema);
      const guessed = room;
      const start = to.begin(tag, guessed);
      write(message, to);
      room = to.end(start, guessed);
    };
  }

  return (schema, message) => {
    sink.clear();
    writerOf(schema)(message, sink);
    return sink.copy();
  };
}

/**
 * A function with the steps written out, so that V8 knows every property by its place, and which method of the sink
 * each scalar takes. Names are quoted.
 */
function compile(steps: readonly Step[]): Write {
  const lines = steps.map(({ name, isEmpty, scalar, writeText }, i) => {
    const quoted = JSON.stringify(name);
    const written = isEmpty === undefined ? `v !== s${i}` : `v !== s${i} && !e${i}(v)`;
    const write = scalar === undefined ? `w${i}(v, to);` : `to.${scalar.method}(${scalar.tag}, v);`;
    const plain = `v = m[${quoted}]; if (${written}) { ${write} }`;
    return writeText ? `t = lazyText(m, ${quoted}); if (t === undefined || !x${i}(t, to)) { ${plain} }` : plain;
  });
  const parts = steps.map((_, i) => `{ skip: s${i}, isEmpty: e${i}, write: w${i}, writeText: x${i} }`);
  const body = `const [${parts.join(", ")}] = steps; return (m, to) => { let v, t; ${lines.join("\n")} };`;
  return new Function("steps", "lazyText", body)(steps, lazyText) as Write;
}

/** A pair is a message of its key, 1, and its value, 2. */
function textMapWriter(number: number): Write {
  const tag = tagOf(number, LENGTH_DELIMITED);
  return (pairs: Readonly<Record<string, string>>, to) => {
    for (const key of Object.keys(pairs)) {
      const start = to.begin(tag, 1);
      to.text(tagOf(1, LENGTH_DELIMITED), key);
      to.text(tagOf(2, LENGTH_DELIMITED), pairs[key] as string);
      to.end(start, 1);
    }
  };
}

function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType;
}

function scalarOf(number: number, type: ScalarType): Scalar | undefined {
  const known = SCALARS[type];
  return known && { tag: tagOf(number, known[0]), method: known[1] };
}

/** Others are left to the library. */
const SCALARS: Partial<Record<ScalarType, readonly [wireType: number, Scalar["method"]]>> = {
  [ScalarType.STRING]: [LENGTH_DELIMITED, "text"],
  [ScalarType.BYTES]: [LENGTH_DELIMITED, "bytes"],
  [ScalarType.BOOL]: [VARINT, "bool"],
  [ScalarType.INT32]: [VARINT, "int32"],
  [ScalarType.UINT32]: [VARINT, "uint32"],
  [ScalarType.INT64]: [VARINT, "int64"],
  [ScalarType.UINT64]: [VARINT, "int64"],
  [ScalarType.DOUBLE]: [FIXED64, "double"],
  [ScalarType.FLOAT]: [FIXED32, "float"],
};
