// Members as a tree of managers.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { membersWith, type Node, readsOn, treeOf } from "../../../console/src/admin/members/member-tree.ts";
import { MemberSchema } from "../../../gen/colloquy/v1/member_pb.ts";

const outline = (nodes: readonly Node[]): string =>
  nodes.map(({ member, below }) => (below.length === 0 ? member.id : `${member.id}(${outline(below)})`)).join(" ");

test.each([
  ["one below another", ["a>", "b>a", "c>b"], "a(b(c))"],
  ["a manager who is not in the list", ["b>z", "a>"], "b a"],
  ["a circle", ["a>b", "b>a"], "a(b)"],
  ["a member that is its own manager", ["a>a"], "a"],
  ["several below one, in order", ["a>", "b>a", "c>a"], "a(b c)"],
])("%s", (_, members, expected) => {
  const list = members.map((text) => {
    const [id = "", managerId = ""] = text.split(">");
    return create(MemberSchema, { id, managerId });
  });
  expect(outline(treeOf(list))).toBe(expected);
});

test("members are found by a part of the id or the name, in any case", () => {
  const list = [
    create(MemberSchema, { id: "u-17", displayName: "Ann Lee" }),
    create(MemberSchema, { id: "annex" }),
    create(MemberSchema, { id: "bob" }),
  ];
  const found = (text: string) => membersWith(list, text).map(({ id }) => id);
  expect([found("ANN"), found(" lee "), found("17"), found(""), found("x-ann")]).toEqual([
    ["u-17", "annex"],
    ["u-17"],
    ["u-17"],
    ["u-17", "annex", "bob"],
    [],
  ]);
});

test.each([
  [1_999, "", true],
  [2_000, "", false],
  [2_000, "  ", false],
  [2_000, "zoe", true],
])("F-CONSOLE-FIND: with %d members read, a search for %j reads on: %j", (count, wanted, expected) => {
  expect(readsOn(count, wanted)).toBe(expected);
});
