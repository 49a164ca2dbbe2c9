// What the console says of messages, files, tools and times in a conversation, and where its keys lead.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { placeAfter } from "../../../console/src/conversation/log/use-log-keys.ts";
import { mergedFacts } from "../../../console/src/conversation/message/file-facts.ts";
import { firstWords } from "../../../console/src/conversation/message/first-words.ts";
import { toolNamesOf } from "../../../console/src/conversation/message/tool-names.ts";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";

const withParts = (...parts: readonly [string, object][]): Message =>
  create(MessageSchema, { parts: parts.map(([kind, value]) => ({ content: { case: kind, value } as never })) });

describe("what is said of a conversation", () => {
  test.each([
    ["a line of its text", create(MessageSchema, { content: "# Where\n\nis **it**?" }), "Where is it ?"],
    ["the text of its parts", withParts(["reasoning", { text: "Hm" }], ["text", { text: "Here" }]), "Here"],
    ["no more than fits", create(MessageSchema, { content: "👍".repeat(100) }), `${"👍".repeat(59)}…`],
    ["nothing where it has no text", withParts(["file", { name: "a.png" }]), ""],
  ])("a message begins with %s", (_, message, words) => {
    expect(firstWords(message)).toBe(words);
  });

  test("a file has the name and type that its message gives, and otherwise those of the store", () => {
    const stored = { name: "stored.png", mediaType: "image/png" };
    expect(mergedFacts({}, stored)).toEqual(stored);
    expect(mergedFacts({ name: "given.png", mediaType: "" }, stored)).toEqual({ ...stored, name: "given.png" });
    expect(mergedFacts({}, undefined)).toEqual({ name: "", mediaType: "" });
  });

  test("approvals are known by the tool whose call they are of", () => {
    const names = toolNamesOf([
      withParts(["toolCall", { callId: "c1", name: "pay" }]),
      withParts(["approvalRequest", { approvalId: "a1", callId: "c1" }]),
    ]);
    expect([names.get("c1"), names.get("a1"), names.get("a2")]).toEqual(["pay", "pay", undefined]);
  });

  test.each([
    ["ArrowDown", 1, 2],
    ["j", 2, 2],
    ["ArrowUp", 0, 0],
    ["k", 2, 1],
    ["Home", 2, 0],
    ["End", 0, 2],
    ["Enter", 1, undefined],
  ])("%s leads from message %i of three to %s", (key, from, to) => {
    expect(placeAfter(key, from, 3)).toBe(to);
    expect(placeAfter(key, -1, 0)).toBeUndefined();
  });
});
