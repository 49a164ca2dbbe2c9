// Which conversations a form says that a policy or a hold is about.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConversationMatchSchema } from "../../../gen/colloquy/v1/conversation_match_pb.ts";
import type { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { readPairs } from "../conversations/list-search.ts";

/**
 * @param fields of the form, each by its name; empty: not filled in
 * @returns undefined: nothing is set
 */
export function matchFrom({
  one,
}: {
  one(name: string): string;
}): MessageInitShape<typeof ConversationMatchSchema> | undefined {
  const number = (name: string) => Number(one(name)) || 0;
  const match = {
    entityType: one("entityType"),
    mode: one("mode"),
    agent: one("agent"),
    callType: number("callType") as CallType,
    status: number("status") as ConversationStatus,
    ownerRole: number("ownerRole") as MemberRole,
    labels: readPairs(one("labels")) ?? {},
  };
  const { labels, ...others } = match;
  return Object.keys(labels).length > 0 || Object.values(others).some(Boolean) ? match : undefined;
}
