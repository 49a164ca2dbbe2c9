// The statements of the peers: Colloquy's own, so that what differs is the server around them.
import { getConversation as getStatements } from "../../src/store/conversations/statements.ts";
import { listMessages } from "../../src/store/messages/list-statements.ts";
import { MEMBER, TENANT } from "../layout.ts";

export const LIST = listMessages({ viewer: "member", newestFirst: false, deleted: "exclude", filtered: false });
export const GET = getStatements.member;

export function listValues(conversationId: string, limit: number): unknown[] {
  return [TENANT, MEMBER, conversationId, 0, "9223372036854775807", limit];
}

export function getValues(conversationId: string): unknown[] {
  return [TENANT, MEMBER, conversationId, false];
}
