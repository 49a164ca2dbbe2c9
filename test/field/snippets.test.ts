// S-SNIPPETS: what it takes to show where a long text matches, whatever it is made of.
import { describe, expect, test } from "vitest";
import { snippetOf } from "../../src/domain/search/snippet.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";

/** As long as a message may be: 256 KiB. */
function long(text: string): string {
  const bytes = Buffer.from(text.repeat(1 + 262_144 / Buffer.byteLength(text)));
  return bytes.subarray(0, 262_000).toString().replaceAll("\ufffd", "");
}

describe("S-SNIPPETS: the snippet of a text of 256 KiB", () => {
  test.each([
    ["ASCII", "word ", "needle"],
    ["nearly the word", "needl ", "needle"],
    ["two-byte words", "é word ", "needle"],
    ["short words", "é ", "needle"],
    ["compounds", "é-a.b_c ", "needle"],
    ["one word", "é", "needle"],
    ["no spaces", "中", "needle"],
    ["matches everywhere", "é ", "é"],
    ["a phrase that begins everywhere", "é a ", '"a é a é a é a b"'],
    ["one character that unfolds to eighteen", "ﷺ", "صلى"],
    ["the same, apart", "ﷺ ", "صلى"],
    ["marks", "e\u0301\u0301\u0301\u0301", "e"],
    ["many words asked for", "é a ", "ab ".repeat(160)],
  ])("costs little: %s", async (_, text, query) => {
    const content = long(text);
    expect((await leastHeldBy(50, () => snippetOf(content, query))).ms).toBeLessThan(50);
  });

  test("shows a match far from its beginning, in any script", () => {
    for (const filler of ["word ", "é ", "中"]) {
      const { text, highlights } = snippetOf(`${long(filler)} needle and more`, "needle");
      expect(text).toContain("needle");
      expect(highlights).toHaveLength(1);
    }
  });
});
