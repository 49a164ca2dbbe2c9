import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConversationSchema } from "../../../../gen/colloquy/v1/conversation_pb.ts";
import { fieldsToUpdate } from "../../../../src/domain/updates/field-mask.ts";

const updatable = ["title", "pinned", "metadata"] as const;
const value = create(ConversationSchema, { title: "t", mode: "not updatable here" });

describe("an update", () => {
  test("changes the fields of its mask, set or not", () => {
    expect(fieldsToUpdate(ConversationSchema, value, ["pinned"], updatable)).toEqual(["pinned"]);
  });

  test("without a mask changes the fields that are set", () => {
    expect(fieldsToUpdate(ConversationSchema, value, undefined, updatable)).toEqual(["title"]);
    expect(fieldsToUpdate(ConversationSchema, undefined, [], updatable)).toEqual([]);
  });

  test("changes everything for *", () => {
    expect(fieldsToUpdate(ConversationSchema, value, ["*"], updatable)).toEqual(["title", "pinned", "metadata"]);
  });

  test.each([["id"], ["mode"], ["title.x"], ["Title"], [""], ["*", "title"]])("refuses the mask %s %s", (...mask) => {
    expect(() => fieldsToUpdate(ConversationSchema, value, mask.filter(isString), updatable)).toThrow(/^update_mask: /);
  });
});

function isString(value: unknown): value is string {
  return typeof value === "string";
}
