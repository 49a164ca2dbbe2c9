// Messages in the binary form of Protobuf, by plans that are made once for each message type. Gives the bytes that `toBinary` gives.
import { type DescField, type DescMessage, fromJson, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { ByteSink } from "./byte-sink.ts";
import { fieldsInOrder, isWellKnown, type Unset, unsetOf } from "./set-fields.ts";

/** The binary form of a message (https://protobuf.dev/programming-guides/encoding). */
export type BinaryForm = (schema: DescMessage, message: Message) => Buffer;

// biome-ignore lint/suspicious/noExplicitAny: a field's descriptor fixes the type of its value
type Write = (value: any, sink: ByteSink) => void;

/** How one field is written. */
interface Step extends Unset {
  /** Where the value lies in the message. */
  readonly name: string;
  readonly write: Write;
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
    const write = fieldWriter(field);
    return unset && write && { ...unset, name: field.localName, write };
  }

  function fieldWriter(field: DescField): Write | undefined {
    const { number } = field;
    switch (field.fieldKind) {
      case "scalar":
        return scalarWriter(number, field.scalar);
      case "enum":
        return scalarWriter(number, ScalarType.INT32);
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
      default:
        return undefined;
    }
  }

  /** Lists of numbers are packed, which is left to the library. */
  function itemWriter(field: DescField & { fieldKind: "list" }): Write | undefined {
    if (field.listKind === "message")
      return field.delimitedEncoding ? undefined : messageWriter(field.number, field.message);
    return field.listKind === "scalar" && field.scalar === ScalarType.STRING
      ? scalarWriter(field.number, field.scalar)
      : undefined;
  }

  function messageWriter(number: number, schema: DescMessage): Write | undefined {
    const tag = tagOf(number, LENGTH_DELIMITED);
    // In a field, a Struct is the JSON that it stands for.
    if (schema.typeName === StructSchema.typeName) {
      return (json, to) => {
        to.varint(tag);
        to.bytes(toBinary(StructSchema, fromJson(StructSchema, json)));
      };
    }
    // A wrapper comes unwrapped.
    if (isWellKnown(schema) && schema.typeName !== "google.protobuf.Timestamp") return undefined;
    return (message, to) => {
      to.varint(tag);
      const start = to.begin();
      writerOf(schema)(message, to);
      to.end(start);
    };
  }

  return (schema, message) => {
    sink.clear();
    writerOf(schema)(message, sink);
    return sink.copy();
  };
}

/** A function with the steps written out, so that V8 knows every property by its place. Names are quoted. */
function compile(steps: readonly Step[]): Write {
  const lines = steps.map(({ name, isEmpty }, i) => {
    const written = isEmpty === undefined ? `v !== s${i}` : `v !== s${i} && !e${i}(v)`;
    return `v = m[${JSON.stringify(name)}]; if (${written}) w${i}(v, to);`;
  });
  const parts = steps.map((_, i) => `{ skip: s${i}, isEmpty: e${i}, write: w${i} }`);
  const body = `const [${parts.join(", ")}] = steps; return (m, to) => { let v; ${lines.join("\n")} };`;
  return new Function("steps", body)(steps) as Write;
}

function tagOf(number: number, wireType: number): number {
  return number * 8 + wireType;
}

function scalarWriter(number: number, scalar: ScalarType): Write | undefined {
  const writer = SCALARS[scalar];
  if (writer === undefined) return undefined;
  const [wireType, write] = writer;
  const tag = tagOf(number, wireType);
  return (value, to) => {
    to.varint(tag);
    write(value, to);
  };
}

const int64: Write = (value: bigint, to) => to.int64(value);
const uint32: Write = (value: number, to) => to.varint(value);

/** Others are left to the library. */
const SCALARS: Partial<Record<ScalarType, readonly [wireType: number, Write]>> = {
  [ScalarType.STRING]: [LENGTH_DELIMITED, (value: string, to) => to.text(value)],
  [ScalarType.BYTES]: [LENGTH_DELIMITED, (value: Uint8Array, to) => to.bytes(value)],
  [ScalarType.BOOL]: [VARINT, (value: boolean, to) => to.varint(value ? 1 : 0)],
  // A negative number is as long as one of 64 bits.
  [ScalarType.INT32]: [VARINT, (value: number, to) => (value < 0 ? to.int64(BigInt(value)) : to.varint(value))],
  [ScalarType.UINT32]: [VARINT, uint32],
  [ScalarType.INT64]: [VARINT, int64],
  [ScalarType.UINT64]: [VARINT, int64],
  [ScalarType.DOUBLE]: [FIXED64, (value: number, to) => to.double(value)],
  [ScalarType.FLOAT]: [FIXED32, (value: number, to) => to.float(value)],
};
