// What a line of the log says, and what it never says.
import { expect, test } from "vitest";
import { createLogger } from "../../../src/telemetry/log.ts";

function lineOf(fields: object): Record<string, unknown> {
  const lines: string[] = [];
  createLogger({ destination: { write: (line: string) => void lines.push(line) } }).info(fields, "said");
  return JSON.parse(lines.join(""));
}

test("a line has its level by name, its time and its fields", () => {
  const { time, ...line } = lineOf({ code: "ok", durationMs: 1.5 });
  expect(line).toEqual({ level: "info", code: "ok", durationMs: 1.5, msg: "said" });
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("what holds secrets is covered, in a line and in its objects, and the object itself is left alone", () => {
  const request = { token: "t", method: "GET", deep: [1] };
  expect(lineOf({ authorization: "a", body: { content: "c" }, request, list: ["x"], nothing: null })).toMatchObject({
    authorization: "[redacted]",
    body: "[redacted]",
    request: { token: "[redacted]", method: "GET", deep: [1] },
    list: ["x"],
    nothing: null,
  });
  expect(request.token).toBe("t");
});
