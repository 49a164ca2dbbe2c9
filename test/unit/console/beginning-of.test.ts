// What is shown of a long text in a table.
import { expect, test } from "vitest";
import { beginningOf } from "../../../console/src/ui/beginning-of.ts";

test.each([
  ["a text that is not long, whole", "a".repeat(200), "a".repeat(200)],
  ["of a long one whole words", `${"word ".repeat(60)}end`, `${"word ".repeat(32).trim()}…`],
  ["no part of a word", `${"word ".repeat(31)}${"x".repeat(200)}`, `${"word ".repeat(31).trim()}…`],
  ["of a text without spaces what fits", "a".repeat(300), `${"a".repeat(160)}…`],
  ["no half of a character", `${"a".repeat(159)}${"👍".repeat(100)}`, `${"a".repeat(159)}…`],
])("shows %s", (_, text, shown) => {
  expect(beginningOf(text)).toBe(shown);
});
