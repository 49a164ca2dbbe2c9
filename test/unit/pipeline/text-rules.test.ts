// What protovalidate cannot say: text and numbers that cannot be carried are refused, wherever they are in a request.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../../src/domain/errors.ts";
import { MAX_STRUCT_BYTES } from "../../../src/pipeline/validation/text-rules.ts";
import { validate } from "../../../src/pipeline/validation/validation.ts";
import { EchoRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";

function broken(init: MessageInitShape<typeof EchoRequestSchema>): string[] {
  try {
    validate(EchoRequestSchema, create(EchoRequestSchema, init));
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return (error.details.violations ?? []).map(({ field, rule }) => `${field} ${rule}`);
  }
}

function deep(levels: number): Record<string, unknown> {
  let value: unknown = 1;
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
  return { a: value };
}

describe("a string", () => {
  it("may hold all of Unicode, controls and non-characters too", () => {
    expect(broken({ text: "a\u0001\u007f\ufffe\uffff👋🏽\u202e\n" })).toEqual([]);
  });

  it("may not hold NUL, in a field, a list, a map's key or value, a nested message or a oneof", () => {
    expect(broken({ text: "a\0" })).toEqual(["text string.nul"]);
    expect(broken({ tags: ["a", "\0"] })).toEqual(["tags[1] string.nul"]);
    expect(broken({ labels: { a: "\0" } })).toEqual(['labels["a"] string.nul']);
    expect(broken({ labels: { "\0": "a" } })).toEqual(["labels string.nul"]);
    expect(broken({ nested: { children: [{}, { text: "\0" }] } })).toEqual(["nested.children[1].text string.nul"]);
    expect(broken({ nested: { choice: { case: "word", value: "\0" } } })).toEqual(["nested.word string.nul"]);
  });

  it("may not hold half a surrogate pair", () => {
    expect(broken({ text: "\ud83d" })).toEqual(["text string.surrogate"]);
    expect(broken({ text: "\udc4b\ud83d" })).toEqual(["text string.surrogate"]);
  });
});

describe("a number", () => {
  it("may not be NaN or infinite", () => {
    expect(broken({ ratio: Number.NaN })).toEqual(["ratio number.finite"]);
    expect(broken({ ratio: Number.NEGATIVE_INFINITY })).toEqual(["ratio number.finite"]);
    expect(broken({ ratio: Number.MAX_VALUE })).toEqual([]);
  });
});

describe("a Struct", () => {
  it("may not hold what JSON or the database cannot carry, in keys and values at any depth", () => {
    expect(broken({ metadata: { a: [{ b: "\0" }] } })).toEqual(["metadata string.nul"]);
    expect(broken({ metadata: { "\0": 1 } })).toEqual(["metadata string.nul"]);
    expect(broken({ metadata: { a: "\ud800" } })).toEqual(["metadata string.surrogate"]);
    expect(broken({ metadata: { "\ud800": 1 } })).toEqual(["metadata string.surrogate"]);
    expect(broken({ metadata: { a: [Number.POSITIVE_INFINITY] } })).toEqual(["metadata number.finite"]);
  });

  it("is at most 32 levels deep", () => {
    expect(broken({ metadata: deep(32) as never })).toEqual([]);
    expect(broken({ metadata: deep(33) as never })).toEqual(["metadata struct.max_depth"]);
    expect(broken({ metadata: deep(5_000) as never })).toEqual(["metadata struct.max_depth"]);
  });

  it("is at most 16 KiB of JSON, counted in bytes", () => {
    const overhead = JSON.stringify({ a: "" }).length;
    expect(broken({ metadata: { a: "x".repeat(MAX_STRUCT_BYTES - overhead) } })).toEqual([]);
    expect(broken({ metadata: { a: "x".repeat(MAX_STRUCT_BYTES - overhead + 1) } })).toEqual([
      "metadata struct.max_bytes",
    ]);
    expect(broken({ metadata: { a: "é".repeat(MAX_STRUCT_BYTES / 2) } })).toEqual(["metadata struct.max_bytes"]);
  });

  // The name by which a message says its type: a Struct that holds it is plain JSON all the same.
  it.each(["a", "google.protobuf.Struct"])("is held to the same with a `$typeName` of %s in it", ($typeName) => {
    const withName = (rest: object) => broken({ metadata: { $typeName, ...rest } as never });
    expect(withName({ a: 1 })).toEqual([]);
    expect(withName({ a: "\0" })).toEqual(["metadata string.nul"]);
    expect(withName({ a: "\ud800" })).toEqual(["metadata string.surrogate"]);
    expect(withName({ a: Number.NaN })).toEqual(["metadata number.finite"]);
    expect(withName({ a: deep(33) })).toEqual(["metadata struct.max_depth"]);
    expect(withName({ a: "x".repeat(MAX_STRUCT_BYTES) })).toEqual(["metadata struct.max_bytes"]);
  });

  it("is held to the same inside a Value", () => {
    const value = create(ValueSchema, { kind: { case: "numberValue", value: Number.NaN } });
    expect(broken({ nested: { choice: { case: "value", value } } })).toEqual([
      "nested.value.number_value number.finite",
    ]);
  });
});

it("names at most 20 broken fields", () => {
  expect(broken({ tags: Array.from({ length: 50 }, () => "\0") })).toHaveLength(20);
});
