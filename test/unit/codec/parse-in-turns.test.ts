import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseInTurns } from "../../../src/codec/json/walk/parse-in-turns.ts";
import { parseJson } from "../../../src/domain/json.ts";

/** Large enough that it is parsed member by member, at two levels. */
const around = (json: string, spaces = "") => {
  const many = `${spaces}0,`.repeat(2_500);
  return [
    `[${many}${json}]`,
    `{"a":[${many}${json}${spaces}],"b"${spaces}:${spaces}${json}}`,
    `{"__proto__":${json},"a":{"b":[${many}1]${spaces},"c":${json},"c":2}, "\\u0061b": ${json}}`,
  ];
};

async function outcomes(text: string): Promise<readonly [plain: unknown, inTurns: unknown]> {
  const plain = await Promise.try(() => parseJson(text)).catch((error) => error.name);
  return [plain, await parseInTurns(text).catch((error) => error.name)];
}

describe("a long text gives what it gives when it is parsed at once", () => {
  test("whatever is in it", async () => {
    const values = fc.json({ maxDepth: 4 });
    await fc.assert(
      fc.asyncProperty(values, fc.constantFrom("", " ", "\n\t "), async (json, spaces) => {
        for (const text of around(json, spaces)) {
          const [plain, inTurns] = await outcomes(text);
          expect(inTurns).toStrictEqual(plain);
          expect(JSON.stringify(inTurns)).toBe(JSON.stringify(plain));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("and is refused wherever it breaks", async () => {
    const broken = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom(...'[]{},:"\\ \n1a-.eE\u0000tn'));
    const spoilt = broken.map(([json, at, mark]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + mark + json.slice(place + (at % 2));
    });
    await fc.assert(
      fc.asyncProperty(spoilt, async (json) => {
        for (const text of around(json)) {
          const [plain, inTurns] = await outcomes(text);
          expect(inTurns).toStrictEqual(plain);
        }
      }),
      { numRuns: 200 },
    );
  });

  test.each(["", ",", "]", "}", "1", "[", "{", '"', "\u0000"])("or what is behind it is %j", async (behind) => {
    for (const text of around("1")) {
      const [plain, inTurns] = await outcomes(text + behind);
      expect(inTurns).toStrictEqual(plain);
      const [cut, cutInTurns] = await outcomes(text.slice(0, -1) + behind);
      expect(cutInTurns).toStrictEqual(cut);
    }
  });
});

test("says where a long text breaks", async () => {
  const start = `[${"0,".repeat(3_000)}`;
  await expect(parseInTurns(`${start}{"a":1 2}]`)).rejects.toThrow(`at position ${start.length + 7}`);
  await expect(parseInTurns(`${start}1 2]`)).rejects.toThrow(`at position ${start.length + 2}`);
});
