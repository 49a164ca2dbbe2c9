// The predefined rules of the contract: read natively they mean what protovalidate makes of their expressions.
import { create, type DescMessage, getOption, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  StringRulesSchema,
} from "../../../gen/buf/validate/validate_pb.ts";
import { BatchGetConversationsRequestSchema } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { ListMessagesRequestSchema, SendMessageRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import * as own from "../../../gen/colloquy/v1/rules_pb.ts";
import { DomainError } from "../../../src/domain/errors.ts";
import { createFastCheck } from "../../../src/pipeline/validation/fast-checks.ts";
import { textLimit } from "../../../src/pipeline/validation/item-limits.ts";
import { boundsOf, nativeRules, predefinedRules } from "../../../src/pipeline/validation/predefined.ts";
import { validate } from "../../../src/pipeline/validation/validation.ts";
import { anyCharacter } from "../../support/random/any-character.ts";

const message = { content: "x" };

function refusal<M extends DescMessage>(schema: M, init: MessageInitShape<M>): unknown {
  try {
    validate(schema, create(schema, init));
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return [error.message, error.details.violations?.map(({ rule }) => rule)];
    throw error;
  }
}

test("each has a form that is known, so that none is evaluated for a good request", () => {
  const { extensions } = own.file_colloquy_v1_rules;
  expect(extensions.map((rule) => [rule.name, boundsOf(rule)])).toEqual([
    ["id", { minLen: 1n, maxLen: 128n }],
    ["id_or_empty", { maxLen: 128n }],
    ["request_id", { maxLen: 128n, pattern: "^[!-~]*$" }],
    ["page_token", { maxLen: 2048n }],
    ["etag", { maxLen: 64n }],
    ["page_size", { greaterThan: { case: "gte", value: 0 } }],
  ]);
});

describe("a request that breaks one", () => {
  test.each<[string, object, string, string[]]>([
    ["no id", { message }, "conversation_id: must not be empty", ["string.min_len"]],
    [
      "a long id",
      { conversationId: "x".repeat(129), message },
      "conversation_id: must be at most 128 characters",
      ["string.max_len"],
    ],
    [
      "a request id with a space",
      { conversationId: "x", message, requestId: "a b" },
      "request_id: must be visible ASCII characters",
      ["string.pattern"],
    ],
  ])("with %s is told the field and the rule", (_, init, text, ruleIds) => {
    expect(refusal(SendMessageRequestSchema, init)).toEqual([text, ruleIds]);
  });

  test("in a number or in a list as well", () => {
    expect(refusal(ListMessagesRequestSchema, { conversationId: "x", pageSize: -1 })).toEqual([
      "page_size: must be greater than or equal to 0",
      ["int32.gte"],
    ]);
    expect(refusal(BatchGetConversationsRequestSchema, { conversationIds: ["x", ""] })).toEqual([
      "conversation_ids[1]: must not be empty",
      ["string.min_len"],
    ]);
  });
});

test("what is plainly valid is valid to protovalidate, and short requests are", () => {
  const fastCheck = createFastCheck();
  const validator = createValidator({ registry: predefinedRules });
  const text = fc.oneof(
    fc.string({ unit: anyCharacter, maxLength: 3 }),
    fc.nat(300).map((n) => "x".repeat(n)),
    fc.nat(300).map((n) => "😀".repeat(n)),
  );
  fc.assert(
    fc.property(text, text, fc.integer({ min: -2, max: 300 }), (conversationId, pageToken, pageSize) => {
      const request = create(ListMessagesRequestSchema, { conversationId, pageToken, pageSize });
      if (fastCheck(ListMessagesRequestSchema, request)) {
        expect(validator.validate(ListMessagesRequestSchema, request).kind).toBe("valid");
      }
    }),
  );
  const usual = { conversationId: "01920000-0000-7000-8000-000000000001", message, requestId: "a-1" };
  expect(fastCheck(SendMessageRequestSchema, create(SendMessageRequestSchema, usual))).toBe(true);
});

describe("read natively", () => {
  const stringRules = (init: MessageInitShape<typeof StringRulesSchema>, rule = own.id, value = true): FieldRules => {
    const rules = create(StringRulesSchema, init);
    setExtension(rules, rule, value);
    return create(FieldRulesSchema, { type: { case: "string", value: rules } });
  };
  const textOf = ({ type }: FieldRules) => (type.case === "string" ? type.value : undefined);

  test("they bound what a field may hold", () => {
    expect(textLimit(SendMessageRequestSchema.field.requestId)).toMatchObject({ maxBytes: 512 });
    expect(textLimit(BatchGetConversationsRequestSchema.field.conversationIds)).toMatchObject({ maxBytes: 512 });
    expect(nativeRules(getOption(ListMessagesRequestSchema.field.order, fieldRules)).type.case).toBe("enum");
  });

  test("one that is switched off means nothing, and one beside a bound of its kind is left to protovalidate", () => {
    expect(textOf(nativeRules(stringRules({}, own.id, false)))).toEqual(create(StringRulesSchema));
    expect(textOf(nativeRules(stringRules({ pattern: "^a" })))).toMatchObject({
      pattern: "^a",
      minLen: 1n,
      maxLen: 128n,
    });
    const both = stringRules({ maxLen: 5n });
    expect(textOf(nativeRules(both))).toMatchObject({ maxLen: 5n, minLen: 0n, $unknown: [{ no: own.id.number }] });
  });
});
