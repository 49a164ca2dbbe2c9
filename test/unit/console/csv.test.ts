// Tables as CSV, as the console downloads them.
import { expect, test } from "vitest";
import { toCsv } from "../../../console/src/analytics/csv.ts";

test.each([
  ["plain", "plain"],
  ["a,b", '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ["two\nlines", '"two\nlines"'],
  ["=1+1", "'=1+1"],
  ["+1", "'+1"],
  ["-1", "'-1"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", "'\t=1"],
  ["\r=1", '"\'\r=1"'],
  [" =1", "' =1"],
  ["＝1", "'＝1"],
  ['=HYPERLINK("http://evil.example")', `"'=HYPERLINK(""http://evil.example"")"`],
  ["a=b", "a=b"],
  [-3, "-3"],
  [12n, "12"],
])("F-CONSOLE: %s is a cell %s, which no spreadsheet runs", (cell, expected) => {
  expect(toCsv(["head"], [[cell]])).toBe(`head\r\n${expected}\r\n`);
});
