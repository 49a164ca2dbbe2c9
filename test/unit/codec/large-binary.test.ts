// Large Protobuf bodies give what the library's reader gives, and are refused where that refuses.
import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLargeBinary } from "../../../src/codec/binary/large-binary.ts";
import { EchoRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { arbitraryOf, SCHEMAS } from "../../support/random/random-messages.ts";

/** What cannot be written is none. */
const bytesOf = (schema: DescMessage) =>
  arbitraryOf(schema).map((message) => {
    try {
      return toBinary(schema, message);
    } catch {
      return new Uint8Array();
    }
  });

function plainly(schema: DescMessage, bytes: Uint8Array) {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

const large = (schema: DescMessage, bytes: Uint8Array) => readLargeBinary(schema, bytes).catch(() => undefined);

describe.each(SCHEMAS.map((schema) => [schema.typeName, schema] as const))("%s", (_, schema) => {
  test("is read as fromBinary reads it", async () => {
    const property = fc.asyncProperty(bytesOf(schema), async (bytes) => {
      expect(await large(schema, bytes)).toEqual(plainly(schema, bytes));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  test("with other bytes in it is read so, or refused", async () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(bytesOf(schema), changes, fc.nat(), async (bytes, all, cut) => {
      const changed = bytes.slice(0, bytes.length - (cut % 3));
      for (const [place, byte] of all) if (changed.length > 0) changed[place % changed.length] = byte;
      const read = await large(schema, changed);
      if (read !== undefined) expect(read).toEqual(plainly(schema, changed));
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

test("numbers and lengths may be written in more bytes than they need", async () => {
  const { number } = EchoRequestSchema.field.text as { number: number };
  const tag = number * 8 + 2;
  for (const head of [
    [tag, 3],
    [tag | 0x80, 0, 3],
    [tag, 0x83, 0],
    [tag | 0x80, 0x80, 0, 0x83, 0x80, 0],
  ]) {
    const bytes = Uint8Array.from([...head, 0x61, 0x62, 0x63]);
    expect(await readLargeBinary(EchoRequestSchema, bytes), String(head)).toMatchObject({ text: "abc" });
    await expect(readLargeBinary(EchoRequestSchema, bytes.subarray(0, -1))).rejects.toThrow(/not a well-formed/);
  }
});
