// Messages that differ only in the order of what has none have the same bytes once they are sorted.
import { clone, create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { sortMaps } from "../../../../src/domain/protobuf/canonical-order.ts";
import { EchoRequestSchema } from "../../../gen/colloquy/test/v1/echo_pb.ts";

function sortedBytes(init: MessageInitShape<typeof EchoRequestSchema>): string {
  const message = create(EchoRequestSchema, init);
  const sorted = clone(EchoRequestSchema, message);
  sortMaps(EchoRequestSchema, sorted);
  expect(sorted).toEqual(message);
  return Buffer.from(toBinary(EchoRequestSchema, sorted)).toString("hex");
}

test("in Structs at any depth, and in maps", () => {
  expect(sortedBytes({ metadata: { a: 1, b: [{ c: 1, d: null }] }, labels: { x: "1", y: "2" } })).toBe(
    sortedBytes({ metadata: { b: [{ d: null, c: 1 }], a: 1 }, labels: { y: "2", x: "1" } }),
  );
});

test("in messages within messages, lists and oneofs", () => {
  const nested = (fields: Record<string, number>) => {
    const members = Object.entries(fields).map(([name, value]) => [
      name,
      create(ValueSchema, { kind: { case: "numberValue", value } }),
    ]);
    const struct = { fields: Object.fromEntries(members) };
    const value = create(ValueSchema, { kind: { case: "structValue", value: struct } });
    return { nested: { text: "n", children: [{ choice: { case: "value" as const, value } }] } };
  };
  expect(sortedBytes(nested({ a: 1, b: 2 }))).toBe(sortedBytes(nested({ b: 2, a: 1 })));
});

test("but those that differ otherwise stay different: in a list, the order counts", () => {
  const metadata = { a: [1, 2], $typeName: "x" };
  expect(sortedBytes({ metadata })).not.toBe(sortedBytes({ metadata: { ...metadata, a: [2, 1] } }));
  expect(sortedBytes({ metadata })).not.toBe(sortedBytes({ metadata: { ...metadata, $typeName: "y" } }));
  expect(sortedBytes({ tags: ["a", "b"] })).not.toBe(sortedBytes({ tags: ["b", "a"] }));
});
