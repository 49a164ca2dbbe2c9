import { pino } from "pino";
import { expect, test } from "vitest";
import { warnSparingly } from "../../../src/telemetry/warn-rarely.ts";

test("a failure that goes on is warned of once, and again after a while", () => {
  const levels: number[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => void levels.push(JSON.parse(line).level) });
  const often = warnSparingly(logger, "it fails", 60_000);
  for (let i = 0; i < 3; i++) often(new Error("again"));
  expect(levels).toEqual([40, 20, 20]);
  const always = warnSparingly(logger, "it fails", 0);
  for (let i = 0; i < 2; i++) always(new Error("again"));
  expect(levels.slice(3)).toEqual([40, 40]);
});
