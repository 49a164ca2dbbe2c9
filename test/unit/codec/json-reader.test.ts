// What is refused before it is parsed: levels and values past their limits, counted outside of strings.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundsFault } from "../../../src/codec/json/json-reader.ts";
import { endOfString } from "../../../src/domain/json.ts";
import { readJsonBody } from "../../../src/frontends/shared/json-body.ts";

const DEEP = "the body must be nested at most 256 levels deep";
const MANY = "the body must hold at most 20000 values";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const list = (values: number) => `[${"11,".repeat(values - 1)}11]`;

describe("a JSON body", () => {
  test.each([
    ["256 levels", nested(256), undefined],
    ["257 levels", nested(257), DEEP],
    ["brackets in a string", JSON.stringify("[".repeat(1_000)), undefined],
    ["brackets behind an escaped quote", `"\\"${"[".repeat(1_000)}"`, undefined],
    ["lists one behind the other", `[${"[],".repeat(300)}1]`, undefined],
    ["20,001 values in a list, as many commas as are allowed", list(20_001), undefined],
    ["a comma more", list(20_002), MANY],
    [
      "40,002 strings, as many as so many values and their names can be",
      `{${'"a":"b",'.repeat(20_000)}"a":"b"}`,
      undefined,
    ],
    ["quotes without end", '"'.repeat(100_000), MANY],
    ["commas in a string", JSON.stringify(",".repeat(100_000)), undefined],
    ["commas behind a string", `[${JSON.stringify(",".repeat(100_000))}${",11".repeat(20_001)}]`, MANY],
  ])("of %s", async (_, text, fault) => {
    expect(boundsFault(text)).toBe(fault);
    if (fault === undefined) expect(await readJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
    else await expect(readJsonBody(Buffer.from(text))).rejects.toThrow(fault);
  });

  test("may hold many names in small objects, and in large ones 20,000 past the first 100 of each", () => {
    const WIDE = "objects of more than 100 names must hold at most 20000 in all";
    const object = (names: number) => `{${Array.from({ length: names }, (_, i) => `"a${i}":1`).join()}}`;
    expect(boundsFault(`[${`${object(100)},`.repeat(1_000)}1]`, 200_000)).toBeUndefined();
    expect(boundsFault(`[[${"1,".repeat(100_000)}1],${object(20_101)}]`, 200_000)).toBeUndefined();
    expect(boundsFault(object(20_102), 200_000)).toBe(WIDE);
    expect(boundsFault(`[${object(10_101)},{"a":${object(10_102)}}]`, 200_000)).toBe(WIDE);
  });

  /** The same bounds by each character in turn; of names in large objects the texts below have too few. */
  function plainFault(text: string, maxValues: number): string | undefined {
    let [depth, commas, strings] = [0, 0, 0];
    for (let i = 0; i < text.length; i++) {
      const mark = text[i] ?? "";
      if ("[{".includes(mark) && ++depth > 256) return DEEP;
      if ("]}".includes(mark)) depth--;
      if (mark === "," && ++commas > maxValues) return `the body must hold at most ${maxValues} values`;
      if (mark !== '"') continue;
      if (++strings > 2 * (maxValues + 257)) return `the body must hold at most ${maxValues} values`;
      i = endOfString(text, i);
    }
    return undefined;
  }

  test("is bounded alike however long the stretches are between its marks", () => {
    const mark = fc.constantFrom("[", "]", "{", "}", ",", '"', '\\"', '"[,"', "[".repeat(200), '"",'.repeat(150));
    const stretch = fc.tuple(fc.constantFrom("1", " ", "x", "\\", "ü"), fc.nat(100)).map(([one, n]) => one.repeat(n));
    const text = fc
      .array(fc.oneof(mark, stretch), { maxLength: 40 })
      .map((pieces) => `${pieces.join("")}${" ".repeat(300)}`);
    const faults = new Set<string | undefined>();
    fc.assert(
      fc.property(text, (json) => {
        const fault = plainFault(json, 100);
        faults.add(fault);
        expect(boundsFault(json, 100)).toBe(fault);
      }),
      { numRuns: 5_000 },
    );
    expect(faults.size).toBe(3);
  });

  test("that is no JSON is refused by the place where it breaks, without a word of what it holds", async () => {
    const refusal = async (text: string) => {
      try {
        return await readJsonBody(Buffer.from(text));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(await refusal('{"secret": "a" "b"}')).toBe("the body must be JSON: it breaks at position 15");
    expect(await refusal("secret")).toBe("the body must be JSON");
  });
});
