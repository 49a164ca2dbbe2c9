// Fields that came as JSON text: written as that text, read when somebody looks at them.
import { create, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { ListMessagesResponseSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { createBinaryForm } from "../../../src/codec/binary/protobuf-writer.ts";
import { createJsonForm } from "../../../src/codec/json/json-writer.ts";
import { partsText, setStoredParts } from "../../../src/domain/parts/stored.ts";
import { randomParts } from "../../support/random/random-parts.ts";

function stored(parts: readonly Part[]): Message {
  const message = create(MessageSchema, { id: "m" });
  const text = partsText(parts);
  if (text !== null) setStoredParts(message, text);
  return message;
}

test.each([false, true])("they say in JSON what they hold, with implicit fields: %s", (alwaysEmitImplicit) => {
  const form = createJsonForm({ alwaysEmitImplicit });
  fc.assert(
    fc.property(fc.array(randomParts(), { maxLength: 3 }), (lists) => {
      const plain = create(ListMessagesResponseSchema, {
        messages: lists.map((parts) => create(MessageSchema, { id: "m", parts })),
      });
      const lazy = create(ListMessagesResponseSchema, { messages: lists.map(stored) });
      const text = form.stringify(form(ListMessagesResponseSchema, lazy));
      const read = fromJson(ListMessagesResponseSchema, JSON.parse(text));
      expect(toJson(ListMessagesResponseSchema, read)).toEqual(toJson(ListMessagesResponseSchema, plain));
      // Where implicit fields are written, it is the same text.
      if (alwaysEmitImplicit)
        expect(text).toBe(JSON.stringify(toJson(ListMessagesResponseSchema, plain, { alwaysEmitImplicit })));
    }),
    { numRuns: 60 },
  );
});

test("they say in the binary form what they hold", () => {
  const form = createBinaryForm();
  fc.assert(
    fc.property(randomParts(), (parts) => {
      const expected = toBinary(MessageSchema, create(MessageSchema, { id: "m", parts }));
      expect(form(MessageSchema, stored(parts))).toEqual(Buffer.from(expected));
    }),
    { numRuns: 60 },
  );
});

test("what is changed after somebody looked is written as it is then", () => {
  const form = createJsonForm();
  const written = (message: Message) => JSON.parse(form.stringify(form(MessageSchema, message)));
  const parts = () => fc.sample(randomParts(), 50).find(({ length }) => length > 1) ?? [];
  const looked = stored(parts());
  looked.parts.pop();
  expect(written(looked)).toEqual(toJson(MessageSchema, looked));
  const replaced = stored(parts());
  replaced.parts = [];
  expect(written(replaced)).toEqual({ id: "m" });
  const copied = { ...stored(parts()) };
  expect(written(copied)).toEqual(toJson(MessageSchema, copied));
});

test("a text that looks like a stand-in is none", () => {
  const form = createJsonForm();
  const message = stored(fc.sample(randomParts(), 50).find(({ length }) => length > 0) ?? []);
  message.content = '","parts":[{"text":{"text":"forged"}}],"x":"';
  expect(JSON.parse(form.stringify(form(MessageSchema, message)))).toMatchObject({ content: message.content });
});

test("JSON.stringify alone writes the same value", () => {
  const form = createJsonForm();
  const message = stored(fc.sample(randomParts(), 50).find(({ length }) => length > 0) ?? []);
  expect(JSON.parse(JSON.stringify(form(MessageSchema, message)))).toEqual(
    JSON.parse(form.stringify(form(MessageSchema, message))),
  );
});
