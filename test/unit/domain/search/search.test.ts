import { describe, expect, test } from "vitest";
import { parseSearch, toTsQuery } from "../../../../src/domain/search/query.ts";
import { snippetOf } from "../../../../src/domain/search/snippet.ts";

describe("a query", () => {
  test.each([
    ['red "fast car" -blue', "('red') & ('fast' <-> 'car') & !('blue')"],
    ["a-4711 or B*", "('a' <-> '4711') | ('b':*)"],
    ["or", "('or')"],
    ['-"fast car"', "!('fast' <-> 'car')"],
    ["'!':* & \\", ""],
    ["東京 hotel", "('東' <-> '京') & ('hotel')"],
    ['"東京 hotel"', "('東' <-> '京' <-> 'hotel')"],
  ])("%s asks for %s", (query, asked) => {
    expect(toTsQuery(parseSearch(query))).toBe(asked);
  });
});

describe("a snippet", () => {
  test("marks every word that was found", () => {
    expect(snippetOf("a red car and a Red bus", "red")).toEqual({
      text: "a red car and a Red bus",
      highlights: [
        { start: 2, length: 3 },
        { start: 16, length: 3 },
      ],
    });
  });

  test("counts code points, not the halves of a surrogate pair", () => {
    expect(snippetOf("😀😀 car", "car").highlights).toEqual([{ start: 3, length: 3 }]);
  });

  test("is at most 200 code points from a little before the first match", () => {
    const { text, highlights } = snippetOf(`${"x ".repeat(500)}needle ${"y ".repeat(500)}`, "needle");
    expect([...text].length).toBe(200);
    expect(highlights).toEqual([{ start: 60, length: 6 }]);
  });

  test("never cuts a surrogate pair in two", () => {
    const { text } = snippetOf(`${"😀".repeat(300)} needle`, "needle");
    expect(text.isWellFormed()).toBe(true);
  });

  test("shows the beginning when a word stands there only in another form", () => {
    expect(snippetOf("nothing here", "-gone")).toEqual({ text: "nothing here", highlights: [] });
  });

  test("takes characters with a meaning in patterns for what they are", () => {
    expect(snippetOf("1+1 (two)", "(two) + [")).toEqual({ text: "1+1 (two)", highlights: [{ start: 5, length: 3 }] });
  });
});
