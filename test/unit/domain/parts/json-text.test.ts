// Whether a text is JSON, without parsing it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonFault, MAX_JSON_LEVELS } from "../../../../src/domain/parts/json-text.ts";

/** What JSON.parse says, which is the grammar's other judge. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("a JSON text", () => {
  it("is whatever JSON.stringify writes, spaced or not", () => {
    const spaced = fc.tuple(fc.jsonValue({ maxDepth: 12 }), fc.integer({ min: 0, max: 3 }));
    fc.assert(fc.property(spaced, ([value, space]) => jsonFault(JSON.stringify(value, null, space)) === undefined));
  });

  it("is one where JSON.parse takes it, and only there, whatever was broken in it", () => {
    const change = fc.tuple(
      fc.nat(),
      fc.nat(3),
      fc.constantFrom(...'{}[],:"\\/ubfnrt0123456789eE+-.x \t\n\u0000\u001f\ud800é'),
    );
    const texts = fc.tuple(fc.json({ maxDepth: 6 }), fc.array(change, { maxLength: 3 }));
    fc.assert(
      fc.property(texts, ([json, changes]) => {
        let text = json;
        for (const [at, length, put] of changes) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + put + text.slice(place + length);
        }
        return (jsonFault(text) === undefined) === isJson(text);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ["an escaped U+0000", '"\\u0000"'],
    ["half a surrogate pair as an escape", '["\\ud800", "\\udfff"]'],
    ["a number beyond doubles", "[1e999999, 123456789012345678901234567890.12345, -0, 1E-400]"],
    ["a name that stands twice", '{"a":1,"a":2}'],
    ["names that a parser may mix up", '{"\\\\":1,"\\n":2,"__proto__":{}}'],
    ["a bare word", " null "],
  ])("may hold %s", (_, text) => expect(jsonFault(text)).toBeUndefined());

  it.each([
    ["nothing", "", 1],
    ["only spaces", "  ", 3],
    ["a comma too many", "[1,]", 4],
    ["a number with a zero in front", "01", 2],
    ["a raw U+0000 in a string", '"\0"', 2],
    ["a string that does not end", '"abc', 5],
    ["an escape that is none", '"\\x"', 3],
    ["two values", "1 2", 3],
    ["a byte order mark", "\ufeff1", 1],
    ["a wrong bracket", "[1}", 3],
  ])("is not %s, and the error says where", (_, text, at) => {
    expect(jsonFault(text)).toEqual(["json", `must be JSON, which it is not at character ${at}`]);
  });

  it("is 64 levels deep at most", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(jsonFault(nested(MAX_JSON_LEVELS))).toBeUndefined();
    expect(jsonFault(nested(MAX_JSON_LEVELS + 1))).toEqual(["json.max_depth", "must be at most 64 levels deep"]);
    expect(jsonFault(`{"a":`.repeat(65))).toEqual(["json.max_depth", "must be at most 64 levels deep"]);
  });

  it("is an object where one is asked for", () => {
    expect(jsonFault(' {"a":[]} ', "object")).toBeUndefined();
    expect(jsonFault("[]", "object")).toEqual(["json.object", "must be a JSON object"]);
  });

  it.each([
    ["openings", "[".repeat(1 << 20)],
    ["objects", `[${"{},".repeat(350_000)}`],
    ["backslashes", `"${"\\\\".repeat(1 << 19)}`],
    ["escapes", `"${"\\ud800".repeat(170_000)}`],
    ["digits", "1".repeat(1 << 20)],
    ["spaces", " ".repeat(1 << 20)],
    ["names", `{${'"a":1,'.repeat(170_000)}`],
  ])("of 1 MiB of %s is judged within the time of parsing it a few times", (_, text) => {
    // A machine that is shared takes some of the time for itself: the least of a few says what the text takes.
    const times = Array.from({ length: 4 }, () => {
      const before = process.cpuUsage();
      jsonFault(text);
      return process.cpuUsage(before).user / 1000;
    });
    expect(Math.min(...times)).toBeLessThan(100);
  });
});
