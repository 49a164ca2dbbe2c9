// The JSON form says what the library's `toJson` says, whatever the message.
import { create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MessageRole, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { createJsonForm } from "../../../src/codec/json/json-writer.ts";
import { EchoRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { arbitraryOf, SCHEMAS } from "../../support/random/random-messages.ts";

describe.each(SCHEMAS.map((schema) => [schema.typeName, schema] as const))("%s", (_, schema) => {
  it.each([false, true])("is as toJson has it, with implicit fields: %s", (alwaysEmitImplicit) => {
    const form = createJsonForm({ alwaysEmitImplicit });
    fc.assert(
      fc.property(arbitraryOf(schema), (message) => {
        const expected = JSON.stringify(toJson(schema, message, { alwaysEmitImplicit }));
        expect(JSON.stringify(form(schema, message))).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe("the JSON form", () => {
  const form = createJsonForm();

  it("refuses what JSON cannot say, as toJson does", () => {
    const broken = [
      create(MessageSchema, { metadata: { a: [Number.NaN] } }),
      create(MessageSchema, { createTime: { seconds: 253402300800n, nanos: 0 } }),
      create(MessageSchema, { createTime: { seconds: 0n, nanos: -1 } }),
      create(MessageSchema, { createTime: { seconds: 0n, nanos: 1_000_000_000 } }),
    ];
    for (const message of broken) {
      expect(() => JSON.stringify(toJson(MessageSchema, message))).toThrow();
      expect(() => form(MessageSchema, message)).toThrow();
    }
  });

  it("writes a number that an enum does not name", () => {
    expect(form(MessageSchema, create(MessageSchema, { role: 99 as MessageRole }))).toEqual({ role: 99 });
  });

  it("writes the times of different days, one after the other", () => {
    const times = ["2026-01-01T00:00:00Z", "1999-12-31T23:59:59.001Z", "2026-01-01T12:30:01Z", "1969-12-31T00:00:00Z"];
    for (const time of times) {
      const message = create(MessageSchema, { createTime: timestampFromMs(Date.parse(time)) });
      expect(form(MessageSchema, message)).toEqual({ createTime: time });
    }
  });

  it("writes what came over the wire", () => {
    const bytes = toBinary(EchoRequestSchema, create(EchoRequestSchema, { nested: { children: [{ text: "a" }] } }));
    const message = fromBinary(EchoRequestSchema, bytes);
    expect(form(EchoRequestSchema, message)).toEqual({ nested: { children: [{ text: "a" }] } });
  });
});
