// What an address says that its view does not understand.
import { expect, test } from "vitest";
import { readAuditSearch } from "../../../console/src/admin/audit/audit-search.ts";
import { addressOf, keepingUnread } from "../../../console/src/app/address.ts";
import { countFilters, readListSearch } from "../../../console/src/conversations/list-search.ts";

const readList = keepingUnread(readListSearch);

test.each([
  ["an unknown status", readList, { status: "odd", owner: "ada" }, { status: "odd" }],
  ["a time that is none", readList, { from: "soon", to: "2026-01-02T03:04Z" }, { from: "soon" }],
  ["labels without a value", readList, { labels: "team" }, { labels: "team" }],
  ["a filter that there is not", readList, { staus: "closed", unread: "yes" }, { staus: "closed", unread: "yes" }],
  ["a time of the audit log", keepingUnread(readAuditSearch), { to: "x", actor: "ada" }, { to: "x" }],
  ["a kind of actor", keepingUnread(readAuditSearch), { actorType: "ROBOT", actor: "r" }, { actorType: "ROBOT" }],
])("%s stays in the address, and is told", (_, read, address, unread) => {
  const search = read(address);
  expect(search.unread).toEqual(unread);
  // The router puts what a view reads over the whole address.
  const filters = new URLSearchParams(addressOf({ ...address, ...search, unread: {} }));
  expect(Object.keys(unread).filter((name) => filters.has(name))).toEqual([]);
  // The page hands on what it has read, and the address is what it was.
  expect(read({ ...search })).toEqual(search);
  expect(Object.fromEntries(new URLSearchParams(addressOf({ ...search })))).toEqual(address);
});

test("what is understood leaves nothing, and what is not counts as no filter", () => {
  expect(readList({ status: "closed", q: "" })).toEqual({ status: "closed" });
  expect(countFilters(readList({ status: "odd", owner: "ada" }))).toBe(1);
});
