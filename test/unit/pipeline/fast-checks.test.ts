// A glance that says "valid" is never wrong, and says so of the requests that come most.
import { create, createRegistry, type DescField, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { field as rules } from "../../../gen/buf/validate/validate_pb.ts";
import * as conversations from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import * as messages from "../../../gen/colloquy/v1/message_service_pb.ts";
import { createFastCheck } from "../../../src/pipeline/validation/fast-checks.ts";
import { nativeRules, predefinedRules } from "../../../src/pipeline/validation/predefined.ts";
import { file_colloquy_test_v1_echo } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { file_colloquy_test_v1_rest } from "../../gen/colloquy/test/v1/rest_pb.ts";
import { arbitraryOf } from "../../support/random/random-messages.ts";

const SCHEMAS = [
  ...createRegistry(
    messages.file_colloquy_v1_message_service,
    conversations.file_colloquy_v1_conversation_service,
    file_colloquy_test_v1_echo,
    file_colloquy_test_v1_rest,
  ),
].filter((desc) => desc.kind === "message");

const validator = createValidator({ registry: predefinedRules });
const fastCheck = createFastCheck();

/** Values on both sides of every bound that a field's rules may have. */
function edgesOf(field: DescField): unknown[] | undefined {
  if (field.fieldKind === "enum") return [...field.enum.values.map(({ number }) => number), -1, 99];
  if (field.fieldKind !== "scalar" || field.oneof !== undefined) return undefined;
  const { type } = nativeRules(getOption(field, rules));
  switch (type.case) {
    case "string": {
      const bounds = [Number(type.value.minLen), Number(type.value.maxLen)].filter((bound) => bound < 5_000);
      const lengths = bounds.flatMap((bound) => [bound - 1, bound, bound + 1, Math.ceil(bound / 2), 2 * bound]);
      return lengths.filter((length) => length >= 0).flatMap((length) => ["a".repeat(length), "😀".repeat(length)]);
    }
    case "int32":
      return [type.value.greaterThan.value ?? 0, type.value.lessThan.value ?? 0].flatMap((n) => [n - 1, n, n + 1]);
    case "int64":
      return [type.value.greaterThan.value ?? 0n, type.value.lessThan.value ?? 0n].flatMap((n) => [n - 1n, n, n + 1n]);
    default:
      return undefined;
  }
}

/** Messages with some fields on an edge and the others as they are unset. */
function onEdges(schema: DescMessage): fc.Arbitrary<Message> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.fields) {
    const edges = edgesOf(field);
    if (edges !== undefined && edges.length > 0) fields[field.localName] = fc.constantFrom(...edges);
  }
  return fc.record(fields, { requiredKeys: [] }).map((init) => create(schema, init as never) as Message);
}

describe("a message that is plainly valid", () => {
  it.each(SCHEMAS.map((schema) => [schema.typeName, schema] as const))("keeps every rule of %s", (_, schema) => {
    const check = (message: Message) => {
      if (fastCheck(schema, message)) expect(validator.validate(schema, message).kind).toBe("valid");
    };
    fc.assert(fc.property(onEdges(schema), check), { numRuns: 300 });
    fc.assert(fc.property(arbitraryOf(schema), check), { numRuns: 50 });
  });
});

const conversationId = "01890000-0000-7000-8000-100000000001";

it("is what the hot reads are", () => {
  const page = create(messages.ListMessagesRequestSchema, { conversationId, pageSize: 50, skip: 10_000_000 });
  expect(fastCheck(messages.ListMessagesRequestSchema, page)).toBe(true);
  const get = create(conversations.GetConversationRequestSchema, { conversationId });
  expect(fastCheck(conversations.GetConversationRequestSchema, get)).toBe(true);
});

it.each([
  ["an empty text that must not be", {}],
  ["a text that is too long", { conversationId: "x".repeat(129) }],
  ["a number below its least", { conversationId, pageSize: -1 }],
  ["a number above its most", { conversationId, skip: 10_000_001 }],
  ["a bigint below its least", { conversationId, afterSeq: -1n }],
  ["an enum's number that is none", { conversationId, role: 99 as messages.ListMessagesRequest["role"] }],
])("is not one with %s", (_, init) => {
  const request = create(messages.ListMessagesRequestSchema, init);
  expect(fastCheck(messages.ListMessagesRequestSchema, request)).toBe(false);
});
