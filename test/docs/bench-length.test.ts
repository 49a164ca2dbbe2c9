// The benchmark takes no longer than its documentation says.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PLANNED_SECONDS } from "../../bench/plan.ts";

test("a whole run is planned to end within the minutes that the page names", () => {
  const page = readFileSync("docs/performance.md", "utf8");
  const minutes = Number(/^npm run bench +# (\d+) minutes/m.exec(page)?.[1]);
  const seconds = Object.values(PLANNED_SECONDS).reduce((sum, one) => sum + one, 0);
  expect(minutes).toBeLessThanOrEqual(11);
  expect(seconds).toBeLessThan(60 * minutes);
});
