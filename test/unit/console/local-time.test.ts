// Times of filters, in fields and in the address.
import { expect, test } from "vitest";
import { timeOf, toInstant, toLocal } from "../../../console/src/ui/local-time.ts";

test("F-CONSOLE-4: the address has the instant, and a colleague's field the same in another zone", () => {
  const before = process.env.TZ;
  try {
    process.env.TZ = "Asia/Tokyo";
    const instant = toInstant("2026-08-29T00:00");
    expect(instant).toBe("2026-08-28T15:00:00.000Z");
    expect(toLocal(instant)).toBe("2026-08-29T00:00");
    process.env.TZ = "America/Bogota";
    expect(toLocal(instant)).toBe("2026-08-28T10:00");
    expect(timeOf("startTime", instant)).toMatchObject({ startTime: { seconds: 1_787_929_200n } });
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
});

test.each(["", "yesterday", undefined])("%j is no time", (text) => {
  expect([toInstant(text), toLocal(text), timeOf("endTime", text)]).toEqual(["", "", {}]);
});
