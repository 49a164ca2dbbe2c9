import { expect, test } from "vitest";
import { isOurId, newId, newIds } from "../../../../src/domain/ids/id.ts";

test("ids rise in the order of their making", () => {
  const ids = [...newIds(20_000), newId()];
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => isOurId(id) && id[14] === "7" && "89ab".includes(id[19] ?? ""))).toBe(true);
});

test.each(["", "1", "no-uuid", "{01a1fbfe-898f-7ca0-b6de-2a04efcb3505}", "01a1fbfe898f7ca0b6de2a04efcb3505", "'"])(
  "%j is none of ours",
  (id) => expect(isOurId(id)).toBe(false),
);
