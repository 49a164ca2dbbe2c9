// What the console makes of numbers, and of the languages that a browser names.
import { expect, test } from "vitest";
import { median, withSizes } from "../../../console/src/ui/amounts.ts";
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

test.each([
  ["a file may have at most 1048576 bytes", "a file may have at most 1 MiB"],
  ["at most 1572864 bytes together, of 10737418240 bytes", "at most 1.5 MiB together, of 10 GiB"],
  ["at most 1000000 bytes", "at most 976.5 KiB"],
  ["1023 bytes", "1,023 bytes"],
  ["field: must be at most 255 characters", "field: must be at most 255 characters"],
])("%j reads %j", (told, expected) => {
  expect(withSizes(told)).toBe(expected);
});
