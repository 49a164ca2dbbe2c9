// What is written and not sent, in the tab.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { beginning, draftMemory, forgetDrafts } from "../../../console/src/conversation/composer/draft-memory.ts";
import { contentOf, piecesOf } from "../../../console/src/conversation/written.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";

/** As the browser's: keys are its own properties. */
function storage(): Storage {
  const hidden = (value: unknown) => ({ value, enumerable: false });
  return Object.defineProperties({} as Record<string, string>, {
    getItem: hidden(function (this: Record<string, string>, key: string) {
      return this[key] ?? null;
    }),
    setItem: hidden(function (this: Record<string, string>, key: string, value: string) {
      this[key] = value;
    }),
    removeItem: hidden(function (this: Record<string, string>, key: string) {
      delete this[key];
    }),
  }) as unknown as Storage;
}

const ann = { credential: "token", tenant: "acme", name: "ann" };
const key = { credential: "clq_a", tenant: "acme", name: "a" };

describe("what is written in a tab", () => {
  const written = { text: "half", etag: "", attempt: { id: "1", text: "half" } };

  test.each([
    ["the same member", ann, ann, true],
    ["another member", ann, { ...ann, name: "bob" }, false],
    ["the same name in another tenant", ann, { ...ann, tenant: "other" }, false],
    ["another key, after the first was revoked", key, { ...key, credential: "clq_b", name: "b" }, true],
    ["a key that acts for a member", key, { ...key, actFor: "ann", name: "ann" }, false],
    ["a member, after a key", key, ann, false],
    ["a key, after a member", ann, key, false],
  ])("is there for %s: %#", (_, before, after, isThere) => {
    const place = storage();
    draftMemory(place, before).write("c", written);
    expect(draftMemory(place, after).read("c") !== undefined).toBe(isThere);
  });

  test("is gone when it is removed, and all of it when one signs out", () => {
    const place = storage();
    place.setItem("other", "stays");
    const memory = draftMemory(place, ann);
    memory.write("c", written);
    expect(memory.read("c")).toMatchObject({ ...written, isOther: false });
    memory.remove("c");
    expect(memory.read("c")).toBeUndefined();
    memory.write("c", written);
    forgetDrafts(place);
    expect(Object.keys(place)).toEqual(["other"]);
  });

  test("may be anything that another program left there", () => {
    const place = storage();
    place.setItem("colloquy.draft.c", "{");
    expect(draftMemory(place, ann).read("c")).toBeUndefined();
  });
});

const files = [{ id: "f-1", name: "a.txt", mediaType: "text/plain" }];
const mine = { text: "mine", files, etag: "", isOther: false };
const theirs = { text: "theirs", files: [] };
const nothing = { text: "", files: [] };

test.each([
  ["nothing", undefined, undefined, nothing],
  ["the server's draft", undefined, theirs, theirs],
  ["what the server has not got", mine, theirs, { text: "mine", files }],
  ["what another device changed since", { ...mine, etag: "1" }, theirs, theirs],
  ["nothing, sent by another device since", { ...mine, etag: "1" }, undefined, nothing],
  [
    "nothing, emptied in a tab that was left before the server knew",
    { text: "", etag: "", isOther: false },
    { text: "sent", files },
    nothing,
  ],
  ["what a revoked key left", { ...mine, etag: "1", isOther: true }, undefined, { text: "mine", files }],
])("F-CONSOLE-6: a box begins with %s", (_, kept, drafted, expected) => {
  expect(beginning(kept, drafted)).toEqual(expected);
});

describe("what is written", () => {
  test.each([[{ text: "said", files: [] }], [{ text: "said", files }], [{ text: "", files }]])(
    "is the same once it was a draft: %j",
    (written) => {
      expect(piecesOf(create(MessageSchema, contentOf(written)))).toEqual(written);
    },
  );

  test("of another client is left alone where a box cannot show it", () => {
    const text = { content: { case: "text", value: { text: "a" } } } as const;
    const data = { content: { case: "file", value: { source: { case: "data", value: new Uint8Array(1) } } } } as const;
    expect(piecesOf(create(MessageSchema, { parts: [text, text] }))).toBeUndefined();
    expect(piecesOf(create(MessageSchema, { parts: [data] }))).toBeUndefined();
  });
});
