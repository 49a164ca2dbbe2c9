import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LONGEST } from "./longest-first.ts";

test("what comes first is there", () => {
  const gone = LONGEST.filter((name) => !existsSync(join(import.meta.dirname, "../..", `${name}.test.ts`)));
  expect(gone).toEqual([]);
});
