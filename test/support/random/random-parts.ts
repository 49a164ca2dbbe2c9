// Random parts of every kind, including values that are hard to store and encode.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type MessageKind, MessageKindSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Part, PartSchema, PartState, ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import { anyCharacter } from "./any-character.ts";

export const ALL_KINDS: MessageKind[] = MessageKindSchema.values
  .map(({ number }) => number as MessageKind)
  .filter(Boolean);

/** Texts of any characters, U+0000 among them; half a surrogate pair is none. */
const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom("", "\0", "a\0b", "\u2028\u2029", "</script>", "\ud83d\ude00", '"\\\n\t\u001f', "é", "null"),
);

/** JSON as text, as no writer of ours would spell it. */
export const HOSTILE_JSON = [
  "null",
  '"\\u0000"',
  '{"a":"\\ud800","b":"\\udfff\\ud800"}',
  "1e999",
  "[12345678901234567890123456789,0.1000000000000000055511151231257827,-0,1E400,-1e-400]",
  '{"a":1,"a":2,"":3,"__proto__":{"toString":null}}',
  ' { "spaced" : [ 1 , 2 ]\n}\t',
  '{"\\\\":1,"\\n":2,"\\u0061":3}',
  `${"[".repeat(64)}${"]".repeat(64)}`,
  '"\\/\\b\\f"',
] as const;
const hostile = fc.constantFrom(...HOSTILE_JSON);
const object = fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }).map((value) => JSON.stringify(value));
const json = fc.oneof(
  hostile,
  fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
);

const some = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
const of = (name: string, value: fc.Arbitrary<unknown>) => value.map((one) => ({ case: name, value: one }));
const time = fc.record({ seconds: fc.bigInt({ min: -62135596800n, max: 253402300799n }), nanos: fc.nat(999_999_999) });
const index = fc.nat(2 ** 31 - 1);

const annotation = some({
  start: index,
  end: index,
  extraJson: object,
  target: fc.oneof(
    of("url", some({ url: text, title: text })),
    of("file", some({ fileId: text, containerId: text, filename: text, index })),
  ),
});

const leaves: fc.Arbitrary<unknown>[] = [
  of("text", fc.record({ text, annotations: fc.array(annotation, { maxLength: 2 }) }, { requiredKeys: ["text"] })),
  of("reasoning", some({ text, summary: fc.array(text, { maxLength: 3 }), encrypted: text })),
  of(
    "toolCall",
    some({
      callId: text,
      name: text,
      arguments: fc.oneof(text, json),
      type: fc.constantFrom(ToolType.FUNCTION, ToolType.CUSTOM, ToolType.MCP, ToolType.BUILT_IN),
      runsAt: fc.constantFrom(ToolPlace.CLIENT, ToolPlace.SERVER, ToolPlace.AGENT, ToolPlace.PROVIDER),
      title: text,
    }),
  ),
  of(
    "approvalRequest",
    some({
      approvalId: text,
      callId: text,
      reason: text,
      responseSchemaJson: json,
      expireTime: time,
      automatic: fc.boolean(),
    }),
  ),
  of("approvalResponse", some({ approvalId: text, granted: fc.boolean(), reason: text, payloadJson: json })),
  of(
    "file",
    some({
      source: fc.oneof(of("fileId", text), of("url", text), of("data", fc.uint8Array({ maxLength: 30 }))),
      mediaType: text,
      name: text,
      detail: text,
    }),
  ),
  of(
    "source",
    some({
      sourceId: text,
      origin: fc.oneof(of("url", text), of("document", some({ mediaType: text, filename: text }))),
      title: text,
    }),
  ),
  of("data", some({ name: text, dataId: text, json })),
  of("refusal", fc.record({ text })),
  of("step", fc.constant({})),
  of("opaque", some({ format: fc.oneof(text, fc.constantFrom("openai", "tomorrow/v9")), json })),
];

function partOf(content: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const state = fc.constantFrom(PartState.UNSPECIFIED, PartState.COMPLETE, PartState.STREAMING, PartState.FAILED);
  return fc.record({ id: text, state, extraJson: object, content }, { requiredKeys: ["content"] });
}

const leaf = partOf(fc.oneof(...leaves));
const result = of(
  "toolResult",
  some({
    callId: text,
    output: fc.oneof(
      of("text", text),
      of("json", json),
      of("parts", fc.record({ parts: fc.array(leaf, { maxLength: 2 }) })),
    ),
    isError: fc.boolean(),
    preliminary: fc.boolean(),
  }),
);

/** Parts of one message: ids that stand twice are left out. */
export function randomParts(maxLength = 6): fc.Arbitrary<Part[]> {
  return fc
    .array(fc.oneof({ weight: 11, arbitrary: leaf }, { weight: 2, arbitrary: partOf(result) }), { maxLength })
    .map((inits) => {
      const ids = new Set<unknown>();
      return inits.map((init) => withOwnIds(create(PartSchema, init as Record<string, unknown>), ids));
    });
}

function withOwnIds(part: Part, ids: Set<unknown>): Part {
  if (part.id !== undefined && part.id !== "" && ids.has(part.id)) delete part.id;
  ids.add(part.id);
  const { content } = part;
  if (content.case === "toolResult" && content.value.output.case === "parts") {
    for (const inner of content.value.output.value.parts) withOwnIds(inner, ids);
  }
  return part;
}
