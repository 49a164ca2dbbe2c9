// JSON bodies that are read piece by piece: where the walk over them stops changes nothing, and what is read is what
// the library reads of the whole.
import { type DescMessage, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messageFromJson } from "../../../src/codec/json/json-reader.ts";
import { readJson } from "../../../src/codec/json/json-values.ts";
import { JsonWalk } from "../../../src/codec/json/walk/json-walk.ts";
import { readLargeJson } from "../../../src/codec/json/walk/large-json.ts";
import { ShapeFault } from "../../../src/codec/shape-fault.ts";
import { parseJson } from "../../../src/domain/json.ts";
import { arbitraryOf, SCHEMAS } from "../../support/random/random-messages.ts";

const OPTIONS = { ignoreUnknownFields: true };

/** What a walk finds, in steps of so many values. */
function walked(schema: DescMessage, text: string, values: number): unknown {
  const walk = new JsonWalk(schema, text, OPTIONS);
  try {
    while (!walk.step(values));
  } catch (error) {
    if (!(error instanceof ShapeFault)) throw error;
    return [error.message, error.field, error.rule];
  }
  return walk.isJson && { cuts: walk.cuts, lists: walk.lists };
}

function readPieces(schema: DescMessage, text: string): Promise<Message> {
  const read = (desc: DescMessage, piece: string) => readJson(desc, parseJson(piece) as JsonValue, OPTIONS);
  return readLargeJson(schema, text, { ...OPTIONS, read, explain: (error) => error });
}

/** The bytes of what is read; undefined: it is refused. */
async function outcomeOf(schema: DescMessage, read: () => Message | Promise<Message>): Promise<Uint8Array | undefined> {
  try {
    return toBinary(schema, await read());
  } catch {
    return undefined;
  }
}

/** Names that are no field, with values that are worth cutting out. */
const unknown = fc.dictionary(fc.constantFrom("new", "later"), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 });
const indents = fc.constantFrom(undefined, 1, "\t");

/** Texts of messages of a type, as clients write them. */
function textsOf(schema: DescMessage): fc.Arbitrary<string> {
  return fc.tuple(arbitraryOf(schema), unknown, indents).map(([message, more, indent]) => {
    try {
      return JSON.stringify({ ...(toJson(schema, message) as object), ...more }, null, indent);
    } catch {
      // What JSON cannot say, such as half of a surrogate pair.
      return "{}";
    }
  });
}

/** What may stand in a text where it should not. */
const damage = fc.constantFrom(
  '"',
  ",",
  "{",
  "}",
  "[",
  "]",
  ":",
  " ",
  "\\",
  "1e999",
  '"a":1,"a":2,',
  "null",
  "12345678901234567890",
);

const schemas = SCHEMAS.filter(({ typeName }) => !typeName.startsWith("google.")).map(
  (schema) => [schema.typeName, schema] as const,
);

describe("a JSON body", () => {
  test.each(schemas)("%s is walked through in steps as at once, damaged or not", (_, schema) => {
    fc.assert(
      fc.property(textsOf(schema), fc.nat(), fc.nat(3), fc.option(damage), (text, at, gone, piece) => {
        const from = at % (text.length + 1);
        const whole = piece === null ? text : text.slice(0, from) + piece + text.slice(from + gone);
        const atOnce = walked(schema, whole, Number.POSITIVE_INFINITY);
        expect(walked(schema, whole, 1)).toEqual(atOnce);
        expect(walked(schema, whole, 7)).toEqual(atOnce);
      }),
      { numRuns: 60 },
    );
  });

  test.each(schemas)("%s is read piece by piece as the library reads the whole", async (_, schema) => {
    await fc.assert(
      fc.asyncProperty(textsOf(schema), async (text) => {
        const whole = outcomeOf(schema, () => messageFromJson(schema, text, OPTIONS));
        expect(await outcomeOf(schema, () => readPieces(schema, text))).toEqual(await whole);
      }),
      { numRuns: 30 },
    );
  });
});
