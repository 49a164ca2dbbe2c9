// Random messages of any type, including values that are hard to encode.
import { create, createRegistry, type DescMessage, type Message } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ListConversationsResponseSchema } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { ListMessagesResponseSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { EchoRequestSchema, EchoResponseSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { file_colloquy_test_v1_rest } from "../../gen/colloquy/test/v1/rest_pb.ts";
import { anyCharacter } from "./any-character.ts";

/** Every message of the test contracts, whose fields are of every kind, and of the hot answers. */
export const SCHEMAS: readonly DescMessage[] = [
  ...[...createRegistry(file_colloquy_test_v1_rest)].filter((d) => d.kind === "message"),
  ...[EchoRequestSchema, EchoResponseSchema, ListMessagesResponseSchema, ListConversationsResponseSchema],
];

const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => typeof value === "object" && value !== null && !Array.isArray(value));
/** Values that fields of every kind take, defaults and edges among them. */
const scalars = fc.oneof(
  fc.constantFrom(0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -2147483648),
  fc.double(),
);

export function arbitraryOf(schema: DescMessage, depth = 3): fc.Arbitrary<Message> {
  if (schema.typeName === "google.protobuf.Timestamp") {
    const seconds = fc.bigInt({ min: -62135596800n, max: 253402300799n });
    const nanos = fc.oneof(fc.constantFrom(0, 1, 1_000, 1_000_000, 999_000_000, 999_999_999), fc.nat(999_999_999));
    return fc.record({ seconds, nanos }).map((init) => create(schema, init as Record<string, unknown>) as Message);
  }
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields) {
    if (field.oneof !== undefined) continue;
    const one = (): fc.Arbitrary<unknown> | undefined => {
      if (field.fieldKind === "enum" || (field.fieldKind === "list" && field.listKind === "enum")) {
        return fc.constantFrom(...(field.enum as NonNullable<typeof field.enum>).values.map(({ number }) => number));
      }
      if (field.message !== undefined) {
        if (field.message.typeName === "google.protobuf.Struct") return json;
        if (depth === 0 || (isWrapped(field.message) && field.message.typeName !== "google.protobuf.Timestamp"))
          return undefined;
        return arbitraryOf(field.message, depth - 1);
      }
      return scalarOf(field.scalar ?? 0);
    };
    const value = one();
    if (value === undefined) continue;
    if (field.fieldKind === "map")
      fields[field.localName] = fc.dictionary(fc.stringMatching(/^[1-9]{1,3}$/), value, { maxKeys: 2 });
    else fields[field.localName] = field.fieldKind === "list" ? fc.array(value, { maxLength: 3 }) : value;
  }
  return fc
    .record(fields, { requiredKeys: [] })
    .map((init) => create(schema, init as Record<string, unknown>) as Message);
}

function isWrapped({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

function scalarOf(scalar: number): fc.Arbitrary<unknown> {
  switch (scalar) {
    case 9:
      return fc.oneof(fc.constantFrom("", "\u2028", '"\\', "\ud800", "__proto__"), fc.string({ unit: anyCharacter }));
    case 8:
      return fc.boolean();
    case 12:
      return fc.uint8Array({ maxLength: 9 });
    case 1:
    case 2:
      return scalars.map((value) => (scalar === 2 ? Math.fround(value) : value));
    case 3:
    case 16:
    case 18:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 4:
    case 6:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 13:
    case 7:
      return fc.nat(2 ** 31 - 1);
    default:
      return fc.integer();
  }
}
