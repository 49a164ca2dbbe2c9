// What is written and not sent, in the tab.
import { describe, expect, test } from "vitest";
import { beginning, draftMemory, forgetDrafts } from "../../../console/src/conversation/draft-memory.ts";

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

test.each([
  ["nothing", undefined, undefined, ""],
  ["the server's draft", undefined, "theirs", "theirs"],
  ["what the server has not got", { text: "mine", etag: "", isOther: false }, "theirs", "mine"],
  ["what another device changed since", { text: "mine", etag: "1", isOther: false }, "theirs", "theirs"],
  ["nothing, sent by another device since", { text: "mine", etag: "1", isOther: false }, undefined, ""],
  [
    "nothing, emptied in a tab that was left before the server knew",
    { text: "", etag: "", isOther: false },
    "sent",
    "",
  ],
  ["what a revoked key left", { text: "mine", etag: "1", isOther: true }, undefined, "mine"],
])("F-CONSOLE-6: a box begins with %s", (_, kept, drafted, expected) => {
  expect(beginning(kept, drafted)).toBe(expected);
});
