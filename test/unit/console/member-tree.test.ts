// Members as a tree of managers.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type Node, treeOf } from "../../../console/src/admin/members/member-tree.ts";
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
