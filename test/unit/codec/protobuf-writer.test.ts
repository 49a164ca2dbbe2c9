// The binary form is what the library's `toBinary` gives, whatever the message.
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { ListMessagesResponseSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { createBinaryForm } from "../../../src/codec/binary/protobuf-writer.ts";
import { EchoRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { arbitraryOf, SCHEMAS } from "../../support/random/random-messages.ts";

const form = createBinaryForm();

describe.each(SCHEMAS.map((schema) => [schema.typeName, schema] as const))("%s", (_, schema) => {
  it("is as toBinary has it", () => {
    fc.assert(
      fc.property(arbitraryOf(schema), (message) => {
        expect(bytesOf(() => form(schema, message))).toEqual(bytesOf(() => toBinary(schema, message)));
      }),
      { numRuns: 200 },
    );
  });
});

describe("the binary form", () => {
  it.each([0, 1, 39, 40, 127, 128, 16_383, 16_384, 70_000, 2_100_000])(
    "writes a message that holds %i bytes",
    (size) => {
      const list = create(ListMessagesResponseSchema, { messages: [{ content: "a".repeat(size) }, { content: "é" }] });
      expect(form(ListMessagesResponseSchema, list)).toEqual(Buffer.from(toBinary(ListMessagesResponseSchema, list)));
    },
  );

  it("writes what an older contract does not know back as it came", () => {
    const unknown = fromBinary(
      EchoRequestSchema,
      toBinary(MessageSchema, create(MessageSchema, { etag: "e", revision: 7 })),
    );
    expect(unknown.$unknown).toBeDefined();
    expect(form(EchoRequestSchema, unknown)).toEqual(Buffer.from(toBinary(EchoRequestSchema, unknown)));
  });

  it("keeps nothing of a message that failed", () => {
    const broken = { ...create(MessageSchema, { id: "a" }), content: Symbol("no text") } as unknown as Message;
    expect(() => form(MessageSchema, broken)).toThrow();
    const message = create(MessageSchema, { id: "b" });
    expect(form(MessageSchema, message)).toEqual(Buffer.from(toBinary(MessageSchema, message)));
  });
});

/** Undefined: it cannot be written. */
function bytesOf(write: () => Uint8Array): Buffer | undefined {
  try {
    return Buffer.from(write());
  } catch {
    return undefined;
  }
}
