// What the console says of a job's progress, and of counts that are too long to show.
import { expect, test } from "vitest";
import { countsInWords, progressInWords } from "../../../console/src/admin/jobs/job-words.ts";
import { unreadCount } from "../../../console/src/ui/amounts.ts";

test.each([
  [10n, 3_009n, "10 of 3,009 conversations"],
  [3_011n, 3_009n, "3,011 of 3,011 conversations"],
  [0n, 0n, "0 of 0 conversations"],
])("%i looked at of %i", (lookedCount, totalCount, expected) => {
  expect(progressInWords({ lookedCount, totalCount })).toBe(expected);
});

test("counts have names that people read, also those of a later release", () => {
  const counts = { conversations_purged: 3_009n, stored_responses: 2n, files: 0n, moon_rocks: 1n };
  expect(countsInWords(counts)).toBe("conversations purged: 3,009, stored responses erased: 2, moon rocks: 1");
});

test.each([
  [3, "3"],
  [999, "999"],
  [1_000, "1,000+"],
])("%i unread", (count, expected) => {
  expect(unreadCount(count)).toBe(expected);
});
