// Long lists are validated a slice at a time: whatever they hold is found, and named by its place in the whole list.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { UpdateConversationRequestSchema } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { MessageRole, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { ReplaceMessagesRequestSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError } from "../../../src/domain/errors.ts";
import { validateByTurns } from "../../../src/pipeline/validation/by-turns.ts";
import { validate } from "../../../src/pipeline/validation/validation.ts";

const good = [{ content: { case: "text" as const, value: { text: "hello" } } }];
const NO_ROLE = 99 as MessageRole;

/** The broken rules of a list of so many messages with parts, of which some have a role that is none. */
async function broken(count: number, roles: readonly number[], conversationId = "x".repeat(36)): Promise<string[]> {
  const messages = Array.from(
    { length: count },
    (_, i): MessageInitShape<typeof MessageSchema> => ({ role: roles.includes(i) ? NO_ROLE : 1, parts: good }),
  );
  try {
    await validateByTurns(
      validate,
      ReplaceMessagesRequestSchema,
      create(ReplaceMessagesRequestSchema, { conversationId, messages }),
    );
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return (error.details.violations ?? []).map(({ field, rule }) => `${field} ${rule}`);
  }
}

describe("a list within a message of the request", () => {
  const update = (count: number, bad: readonly number[]) =>
    create(UpdateConversationRequestSchema, {
      conversationId: "x".repeat(36),
      conversation: { title: "t" },
      messageList: {
        messages: Array.from({ length: count }, (_, i) => ({ role: bad.includes(i) ? NO_ROLE : 1, parts: good })),
      },
    });

  test.each([500, 501, 20_000])("of %i is good if each of its items is", async (count) => {
    await validateByTurns(validate, UpdateConversationRequestSchema, update(count, []));
  });

  test.each([499, 500, 19_999])("names message %i by its place", async (bad) => {
    const refused = validateByTurns(validate, UpdateConversationRequestSchema, update(20_000, [bad]));
    await expect(refused).rejects.toThrow(new RegExp(`^message_list\\.messages\\[${bad}\\]\\.role: `));
  });

  test("gives others turns", () => {
    expect(validateByTurns(validate, UpdateConversationRequestSchema, update(501, []))).toBeInstanceOf(Promise);
    expect(validateByTurns(validate, UpdateConversationRequestSchema, update(500, []))).toBeUndefined();
  });
});

describe("a list of messages with parts", () => {
  test.each([1, 50, 51, 500, 501, 1_000, 1_001, 20_000])("of %i is good if each of them is", async (count) => {
    expect(await broken(count, [])).toEqual([]);
  });

  test.each([
    [60, 0],
    [60, 59],
    [500, 499],
    [501, 500],
    [20_000, 499],
    [20_000, 500],
    [20_000, 19_999],
  ])("of %i is refused for message %i alone, by its place", async (count, bad) => {
    expect(await broken(count, [bad])).toEqual([`messages[${bad}].role enum.defined_only`]);
  });

  test("names what is broken in the first slice that breaks a rule", async () => {
    expect(await broken(20_000, [700, 800, 19_000])).toEqual([
      "messages[700].role enum.defined_only",
      "messages[800].role enum.defined_only",
    ]);
  });

  test("is refused for what is not in it, once", async () => {
    expect(await broken(20_000, [], "x".repeat(200))).toEqual(["conversation_id string.max_len"]);
  });

  test("is refused by its count where it is too long", async () => {
    expect(await broken(20_001, [7])).toEqual(["messages repeated.max_items"]);
  });
});
