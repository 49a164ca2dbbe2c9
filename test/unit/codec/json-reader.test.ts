// What is refused before it is parsed: levels and values past their limits, counted outside of strings.
import { describe, expect, test } from "vitest";
import { boundsFault } from "../../../src/codec/json/json-reader.ts";
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
    ["commas in a string", JSON.stringify(",".repeat(100_000)), undefined],
    ["commas behind a string", `[${JSON.stringify(",".repeat(100_000))}${",11".repeat(20_001)}]`, MANY],
  ])("of %s", (_, text, fault) => {
    expect(boundsFault(text)).toBe(fault);
    if (fault === undefined) expect(readJsonBody(Buffer.from(text))).toEqual(JSON.parse(text));
    else expect(() => readJsonBody(Buffer.from(text))).toThrow(fault);
  });

  test("that is no JSON is refused by the place where it breaks, without a word of what it holds", () => {
    const refusal = (text: string) => {
      try {
        return readJsonBody(Buffer.from(text));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal('{"secret": "a" "b"}')).toBe("the body must be JSON: it breaks at position 15");
    expect(refusal("secret")).toBe("the body must be JSON");
  });
});
