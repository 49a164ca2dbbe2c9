// What the console says of calls that did not reach the server.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { failureOf, isUnreachable } from "../../../console/src/api/failure.ts";

const proxy = (status: number, code: Code) => new ConnectError(`HTTP ${status}`, code, { server: "nginx" });

test.each([
  [429, Code.Unavailable, "no more calls", false],
  [502, Code.Unavailable, "cannot reach the server behind it", true],
  [503, Code.Unavailable, "does not take calls", true],
  [413, Code.Unknown, "so large", false],
  [418, Code.Unknown, "did not let this through", false],
])("a proxy's %d is not called a server that cannot be reached", (status, code, words, unreachable) => {
  const error = proxy(status, code);
  const { message, requestId } = failureOf(error, true);
  expect(message).toContain(words);
  expect(message).toContain(`HTTP ${status}`);
  expect(requestId).toBeUndefined();
  expect(isUnreachable(error)).toBe(unreachable);
});

test("a server that can be reached again is not called unreachable", () => {
  const error = ConnectError.from(new TypeError("Failed to fetch"));
  expect(failureOf(error, true).message).toBe("The server cannot be reached.");
  expect(failureOf(error, false).message).toContain("Now it can");
  expect(failureOf(new TypeError("Failed to fetch"), false).message).toBe("The server cannot be reached.");
});

test("what the server itself refused keeps its words and its request id", () => {
  const error = new ConnectError("quota: is used up", Code.ResourceExhausted, { "x-request-id": "r" });
  expect(failureOf(error, false)).toMatchObject({ message: "quota: is used up", requestId: "r" });
});
