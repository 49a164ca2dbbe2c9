// What the console makes of numbers, and of the languages that a browser names.
import { expect, test } from "vitest";
import { median } from "../../../console/src/ui/amounts.ts";
import { fitting, readable } from "../../../console/src/ui/locale.ts";

test.each([
  [[], undefined],
  [[7], 7],
  [[160, 120], 140],
  [[9, 1, 5], 5],
  [[1, 100, 3, 2], 2.5],
])("the median of %j is %j", (values, expected) => {
  expect(median(values)).toBe(expected);
});

test("F-CONSOLE-2: a language that Intl refuses is left out, and the others stay", () => {
  expect(readable(["de-CH", "en-US@posix", "", "en"])).toEqual(["de-CH", "en"]);
  expect(readable([])).toEqual([]);
});

test.each([
  ["ar-EG", "en-GB-u-hc-h12"],
  ["he-IL", "en-IL-u-hc-h23"],
  ["fa-IR", "en-GB-u-hc-h23"],
  ["bn-BD", "en-GB-u-hc-h12"],
  ["de-CH", "de-CH"],
  ["ja", "ja"],
  ["en-US", "en-US"],
])("dates of a reader of %s stand within English text as %s writes them", (language, expected) => {
  expect(fitting([language])).toEqual([expected]);
  expect(new Intl.NumberFormat(expected).format(5)).toBe("5");
});
