// The binary form of a field that came as JSON text is what the library makes of it, whatever the text.
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { createFieldFromJson } from "../../../src/codec/binary/binary-from-json.ts";
import { ByteSink } from "../../../src/codec/binary/byte-writer.ts";
import { createBinaryForm } from "../../../src/codec/binary/protobuf-writer.ts";
import { partsText, readParts, setStoredParts } from "../../../src/domain/parts/stored.ts";
import { anyCharacter } from "../../support/random/any-character.ts";
import { randomParts } from "../../support/random/random-parts.ts";

const form = createBinaryForm();
const writeField = createFieldFromJson(MessageSchema.field.parts);

/** Undefined: it cannot be read. */
function bytesOf(write: () => Uint8Array): Buffer | undefined {
  try {
    return Buffer.from(write());
  } catch {
    return undefined;
  }
}

function byLibrary(text: string): Buffer | undefined {
  return bytesOf(() =>
    toBinary(MessageSchema, create(MessageSchema, { id: "m", parts: readParts(text), revision: 7 })),
  );
}

function byForm(text: string): Buffer | undefined {
  const message: Message = create(MessageSchema, { id: "m", revision: 7 });
  setStoredParts(message, text);
  return bytesOf(() => form(MessageSchema, message));
}

/** Whether the text is read without the library. */
function isRead(text: string): boolean {
  const sink = new ByteSink();
  const read = writeField(text, sink);
  // What was begun is taken back.
  if (!read) expect(sink.length).toBe(0);
  return read;
}

/** Texts as the store has them. */
const stored = randomParts().map((parts) => partsText(parts) ?? "[]");

test("parts as they are stored are read without the library, and give its bytes", () => {
  fc.assert(
    fc.property(stored, (text) => {
      expect(isRead(text)).toBe(true);
      expect(byForm(text)).toEqual(byLibrary(text));
    }),
    { numRuns: 500 },
  );
});

/** What may stand in a text in place of another piece: what JSON is made of, and what it is not. */
const pieces = fc.oneof(
  fc.constantFrom(
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "0",
    "01",
    "-1",
    "1.5",
    "2147483648",
    "null",
    "true",
  ),
  fc.constantFrom(
    '"id":"x",',
    '"later":{"a":[1]},',
    '"text":{"text":"b"},',
    '"state":"PART_STATE_LATER",',
    '"state":9,',
  ),
  fc.constantFrom("\\u0000", "\\ud800", "\ud800", "\u0001", "\\x", "é", "\ud83d\ude00", '"step":{},', '"step":null,'),
  fc.string({ unit: anyCharacter, maxLength: 3 }),
);
const broken = fc
  .tuple(stored, fc.array(fc.tuple(fc.nat(), fc.nat(4), pieces), { minLength: 1, maxLength: 3 }))
  .map(([text, changes]) =>
    changes.reduce((now, [place, length, piece]) => {
      const at = place % (now.length + 1);
      return now.slice(0, at) + piece + now.slice(at + length);
    }, text),
  );

test("a text that is changed anywhere is read or refused as by the library", () => {
  fc.assert(
    fc.property(broken, (text) => {
      expect(byForm(text)).toEqual(byLibrary(text));
    }),
    { numRuns: 3_000 },
  );
});

/** One of the places where a name or value begins. */
const inserted = fc.tuple(stored, fc.nat(), pieces).map(([text, place, piece]) => {
  const places = [...text.matchAll(/[{[,:]/g)].map(({ index }) => index + 1);
  const at = places[place % Math.max(places.length, 1)] ?? 0;
  return text.slice(0, at) + piece + text.slice(at);
});

test("fields and values where the text has others are read or refused as by the library", () => {
  fc.assert(
    fc.property(inserted, (text) => {
      expect(byForm(text)).toEqual(byLibrary(text));
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ["with a field of a later version", '[{"later":1,"text":{"text":"a","annotations":[]}}]'],
  ["with a part of a later version", '[{"hologram":{"url":"a"}}]'],
  ["with a value of a later version", '[{"state":"PART_STATE_LATER","text":{"text":"a","annotations":[]}}]'],
  ["with a number for a value", '[{"state":9,"text":{"text":"a","annotations":[]}}]'],
  ["without lists that are empty", '[{"text":{"text":"a"}}]'],
  ["in another order", '[{"text":{"annotations":[],"text":"a"},"id":"b"}]'],
  ["with names as in the contract", '[{"tool_call":{"call_id":"a"}}]'],
  ["with spaces", ' [ { "step" : { } } ] '],
  ["with null", '[{"id":null,"step":{}}]'],
  ["with a field twice", '[{"step":{},"step":{}}]'],
  ["with two contents", '[{"text":{"text":"a"},"step":{}}]'],
  ["with half a surrogate pair", '[{"id":"\\ud800","step":{}}]'],
  ["with bytes as for addresses", '[{"file":{"data":"_-8"}}]'],
  ["with a time that is none", '[{"approvalRequest":{"expireTime":"2026-13-01T00:00:00Z"}}]'],
  ["with a number that is too large", '[{"text":{"text":"a","annotations":[{"start":2147483648}]}}]'],
  ["with a number in another spelling", '[{"text":{"text":"a","annotations":[{"start":1e2},{"start":"7"}]}}]'],
  ["of no parts", "[]"],
  ["of nothing", ""],
  ["of no list", "{}"],
  ["with more behind it", '[{"step":{}}]]'],
  ["cut off in a text", '[{"id":"a'],
  ["cut off in an escape", '[{"id":"a\\'],
  ["many levels deep", `${'[{"toolResult":{"parts":{"parts":'.repeat(200)}[]${"}}}]".repeat(200)}`],
])("a text %s is written as by the library", (_, text) => {
  expect(byForm(text)).toEqual(byLibrary(text));
});
