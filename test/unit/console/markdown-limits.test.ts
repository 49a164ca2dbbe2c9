// Texts that would stop the page if they were rendered as Markdown.
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { isRendered } from "../../../console/src/conversation/message/markdown-limits.ts";

/** The console's own release of the parser. */
const { Marked } = createRequire(new URL("../../../console/package.json", import.meta.url))("marked");

test.each([
  ["a text", "**Hello** > world"],
  ["a rule of dashes", "-".repeat(80)],
  ["a table", `${"| a ".repeat(20)}|\n${"|-".repeat(20)}|\n${`${"| 1 ".repeat(20)}|\n`.repeat(40)}`],
  ["a poem of two thousand lines", "a\n".repeat(2_000)],
  ["quotes of quotes", `${"> ".repeat(20)}x`],
])("%s is rendered", (_, source) => expect(isRendered(source)).toBe(true));

test.each([
  ["thousands of quotes in a line", `${"> ".repeat(3_000)}x`],
  ["thousands of lists in a line", `good\n\n${"- ".repeat(2_000)}x`],
  ["numbered lists in a line", `${"1. ".repeat(2_000)}x`],
  ["a table of thousands of columns", `${"|a".repeat(5_000)}|\n${"|-".repeat(5_000)}|\n`],
  ["thousands of short lines", "a\n".repeat(2_001)],
  ["more than fifty thousand characters", "a".repeat(50_001)],
])("%s is shown as it is", (_, source) => expect(isRendered(source)).toBe(false));

test("what is rendered at the limit is not too deep for the parser", () => {
  const marked = new Marked({ gfm: true, breaks: true, async: false });
  for (const marker of ["> ", "- ", "1. "]) {
    const source = `${marker.repeat(32)}x`;
    expect(isRendered(source)).toBe(true);
    expect(marked.parse(source)).toContain("x");
  }
});
