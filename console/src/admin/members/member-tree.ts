// Members as a tree of managers.
import type { Member } from "../../../../gen/colloquy/v1/member_pb.ts";

export interface Node {
  readonly member: Member;
  readonly below: readonly Node[];
}

/** So many are read without being asked for. */
const MOST = 2_000;

/** Whether the next page is read unasked: one that is looked for may be on it, and the server has no search. */
export function readsOn(count: number, wanted: string): boolean {
  return count < MOST || wanted.trim() !== "";
}

/** Those whose id or name has a text, in any case. */
export function membersWith(members: readonly Member[], text: string): readonly Member[] {
  const part = text.trim().toLowerCase();
  return members.filter(({ id, displayName }) => `${id}\n${displayName}`.toLowerCase().includes(part));
}

/** Those whose manager is not among them stand at the top. A circle, which the server does not allow, is cut. */
export function treeOf(members: readonly Member[]): readonly Node[] {
  const ids = new Set(members.map(({ id }) => id));
  const below = Map.groupBy(members, ({ managerId }) => (ids.has(managerId) ? managerId : ""));
  const placed = new Set<string>();
  const nodesOf = (list: readonly Member[]): Node[] =>
    list.flatMap((member) => {
      if (placed.has(member.id)) return [];
      placed.add(member.id);
      return [{ member, below: nodesOf(below.get(member.id) ?? []) }];
    });
  const top = nodesOf(below.get("") ?? []);
  return [...top, ...nodesOf(members)];
}
