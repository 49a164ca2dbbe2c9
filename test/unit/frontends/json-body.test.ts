// The bodies of front ends: what parsing would change is refused, where it stands.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJsonBody } from "../../../src/frontends/shared/json-body.ts";

const read = (text: string) => readJsonBody(Buffer.from(text));

describe("numbers", () => {
  test.each([
    ['{"a":[1,1e999]}', "not NaN, not infinite; it does not at position 8"],
    [`[${"9".repeat(400)}]`, "not NaN, not infinite; it does not at position 1"],
    ['{"a": 12345678901234567890}', "beyond 2^53 write an integer as a string; it does not at position 6"],
    ['{"a": -9007199254740993}', "beyond 2^53 write an integer as a string; it does not at position 6"],
    [`[1,${"9".repeat(1_001)}]`, "a number must have at most 1000 characters"],
    ["1e-999", "beyond 2^53 write an integer as a string; it does not at position 0"],
  ])("%s is refused", async (text, words) => {
    await expect(read(text)).rejects.toThrow(words);
  });

  test("within texts and names are no numbers", async () => {
    const text = '{"1e999":"a\\"12345678901234567890","b":0.1}';
    expect(await read(text)).toEqual(JSON.parse(text));
  });

  test("that JavaScript writes are read", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        const text = JSON.stringify(JSON.parse(json));
        expect(await read(text)).toEqual(JSON.parse(text));
      }),
    );
    const doubles = fc.double({ noNaN: true, noDefaultInfinity: true });
    await fc.assert(fc.asyncProperty(doubles, async (n) => (await read(JSON.stringify(n))) === n || n === 0));
  });
});
