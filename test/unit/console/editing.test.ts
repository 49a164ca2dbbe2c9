// An edit of a message that somebody else edits too.
import { expect, test } from "vitest";
import { standing } from "../../../console/src/conversation/message/editing.ts";

const before = { content: "before", etag: "1" };

test.each([
  ["nothing has changed", before, "mine", false, { is: "current", etag: "1" }],
  ["more than its text has changed", { content: "before", etag: "2" }, "mine", false, { is: "current", etag: "2" }],
  ["somebody has written", { content: "theirs", etag: "2" }, "mine", false, { is: "behind", etag: "2" }],
  [
    "somebody has written, as a refusal told",
    { content: "theirs", etag: "2" },
    "mine",
    true,
    { is: "behind", etag: "2" },
  ],
  ["somebody has written the same", { content: "mine", etag: "2" }, "mine", false, { is: "current", etag: "2" }],
  ["the own edit came without its response", { content: "mine", etag: "2" }, "mine", true, { is: "saved" }],
  ["an edit that changes nothing has failed", before, "before", true, { is: "current", etag: "1" }],
] as const)("when %s", (_, now, own, isSent, expected) => {
  expect(standing(before, now, own, isSent)).toEqual(expected);
});
