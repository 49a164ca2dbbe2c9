// A credential that an endpoint repeats is taken out of what it says.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { PartListSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { removeSecret, withoutSecret } from "../../../src/agents/secrets/without-secret.ts";

const SECRET = 'sk-one"two';

test.each([
  ['Bearer sk-one"two, twice: sk-one"two', SECRET, "Bearer [redacted], twice: [redacted]"],
  ['{"key":"sk-one\\"two"}', SECRET, '{"key":"[redacted]"}'],
  // A text that was cut within it.
  ['key: sk-one"t', SECRET, "key: [redacted]"],
  ["key: sk-one", SECRET, "key: sk-one"],
  // What may be a word of any text.
  ["the secret", "secret", "the secret"],
  ["nothing", undefined, "nothing"],
])("%j without %j is %j", (text, secret, without) => {
  expect(withoutSecret(text, secret)).toBe(without);
});

test("it is taken out of all texts of a value, in its place", () => {
  const parts = [
    { content: { case: "text", value: { text: `key ${SECRET}` } } },
    { content: { case: "file", value: { name: SECRET } } },
  ] as never;
  const list = removeSecret(create(PartListSchema, { parts }), SECRET);
  expect(list.parts.map(({ content }) => content.value)).toMatchObject([
    { text: "key [redacted]" },
    { name: "[redacted]" },
  ]);
});
