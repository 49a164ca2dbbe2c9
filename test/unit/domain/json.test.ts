// Parsing JSON: as JSON.parse does, but for what V8 gets wrong.
import fc from "fast-check";
import { expect, test } from "vitest";
import { endOfString, parseJson } from "../../../src/domain/json.ts";

test.each([
  ['{"a": 1, "\\\\": 0}', '{"a": 1, "\\"": 2}', ["a", '"']],
  ['{"b": 1, "\\\\": 0}', '{"b": 1, "\\n": 2}', ["b", "\n"]],
  ['{"c": 1, "\\\\nx": 0}', '{"c": 1, "\\nxy": 2}', ["c", "\nxy"]],
  ['{"d": 1, "\\\\u00": 0}', '{"d": 1, "\\u0041bcd" : 2}', ["d", "Abcd"]],
])("after %s the names of %s are its own", (before, text, names) => {
  parseJson(before);
  expect(Object.keys(parseJson(text) as object)).toEqual(names);
});

test("any value comes back, whatever was parsed before", () => {
  const letter = fc.constantFrom("\\", '"', "\n", "\u0001", "u", "0", "n", "é", ":", "\ue000");
  const name = fc.oneof(fc.string({ unit: letter, maxLength: 3 }), fc.constantFrom("__proto__", "a"));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: letter }),
      fc.integer(),
      fc.array(tie("value")),
      tie("object"),
    ),
    object: fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  }));
  fc.assert(
    fc.property(value, fc.nat({ max: 2 }), (given, indent) => {
      const text = JSON.stringify(given, undefined, indent);
      expect(JSON.stringify(parseJson(text), undefined, indent)).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});

test.each(['{"\\n"', '{"\\n": }', '{"\\x": 1}', '"\\n": 1', '{"\\n": 1} x', "{", ""])("%s is refused", (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});

test("a string ends where one ends that is read character by character, however many of its quotes are escaped", () => {
  const plain = (text: string) => {
    for (let i = 1; i < text.length; i++) {
      if (text[i] === '"') return i;
      if (text[i] === "\\") i++;
    }
    return text.length;
  };
  const piece = fc.constantFrom('\\"', "\\\\", "x", "x".repeat(20), "é", '\\\\\\"', "\\u0022");
  const pieces = fc.array(fc.tuple(piece, fc.nat(90)), { maxLength: 6 });
  const rest = fc.array(fc.constantFrom('"', "\\", "x", '\\"'), { maxLength: 6 });
  fc.assert(
    fc.property(pieces, rest, (many, after) => {
      const text = `"${many.map(([each, times]) => each.repeat(times)).join("")}${after.join("")}`;
      expect(endOfString(text, 0)).toBe(plain(text));
    }),
    { numRuns: 2_000 },
  );
});
