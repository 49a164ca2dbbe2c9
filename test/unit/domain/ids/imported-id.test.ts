// Ids of imported things.
import { expect, test } from "vitest";
import { importedId } from "../../../../src/domain/ids/imported-id.ts";

const time = new Date("2024-05-01T08:00:00Z");

test("a UUID is kept, in lower case", () => {
  const id = "01890A5D-AC96-774B-BCCE-B302099A8057";
  expect(importedId("t", "message", id, time)).toBe(id.toLowerCase());
});

test("a foreign id leads to the same UUIDv7 each time, and to another for all else", () => {
  const id = importedId("t", "message", "m-1", time);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(time.getTime());
  expect(importedId("t", "message", "m-1", time)).toBe(id);
  for (const other of [
    importedId("u", "message", "m-1", time),
    importedId("t", "conversation", "m-1", time),
    importedId("t", "message", "m-2", time),
    importedId("t", "message", "m-1", new Date(0)),
  ]) {
    expect(other).not.toBe(id);
  }
});

test("without an id it is a new one", () => {
  expect(importedId("t", "message", "", time)).not.toBe(importedId("t", "message", "", time));
});
