// A message as a conversation shows it, which may be a fork that inherits it.
import { pathTo } from "../../domain/branches/runs.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { readPathMessage } from "../../store/branches/asked.ts";
import { seqOf } from "../../store/branches/branches.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { type MessageRow, readMessage } from "../../store/messages/messages.ts";
import { readTree } from "./branches.ts";

/** Undefined: the caller does not see the conversation, or it does not have the message, on whichever branch. */
export async function readShown(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  id: string,
  showDeleted: boolean,
): Promise<MessageRow | undefined> {
  if (!isOurId(conversationId) || !isOurId(id)) return undefined;
  const own = await readMessage(on, caller, id, showDeleted);
  if (own?.conversation_id === conversationId.toLowerCase()) return own;
  const row = await readConversation(on, caller, conversationId);
  if (row === undefined || !row.segmented) return undefined;
  const { place, runs } = await readTree(on, caller, row);
  const seq = await seqOf(on, place, runs, id.toLowerCase());
  if (!seq || runs.length === 0) return undefined;
  const message = await readPathMessage(on, place, pathTo(runs, seq), seq);
  return message?.conversation_id === row.id ? undefined : message;
}
