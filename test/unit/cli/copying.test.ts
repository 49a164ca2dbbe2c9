import { expect, test } from "vitest";
import { endOfCopy } from "../../../src/cli/backup/copying.ts";
import { CommandError } from "../../../src/cli/command.ts";

const { signal } = new AbortController();

test.each(["ENOSPC", "EDQUOT", "EFBIG"])("a copy that ends with %s says in words that there is no room", (code) => {
  const cause = Object.assign(new Error("write failed"), { code });
  const told = endOfCopy(cause, "/backup", signal);
  expect(told).toBeInstanceOf(CommandError);
  expect(told).toMatchObject({ message: "/backup: not written: there is not enough free space", cause });
});

test("what else ends a copy is reported as it is", () => {
  const error = new Error("odd");
  expect(endOfCopy(error, "/backup", signal)).toBe(error);
});
