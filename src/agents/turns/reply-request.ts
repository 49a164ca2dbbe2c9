// Reads what an agent gets of a conversation, when it is called.
import { systemCaller } from "../../domain/identity/caller.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { turnContext } from "../../store/turns/entries.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import type { ReplyRequest } from "../connectors/connector.ts";

/**
 * The message to reply to comes last, and after it what the turn has said and done so far. While a turn was queued or
 * waited, later messages may have been added, such as the reply of the turn before it: they come before that message.
 *
 * @param asked undefined: it was deleted
 * @param since the first entry of the turn in the log, if it has any
 */
export async function replyRequestOf(
  on: Queryable,
  place: TurnPlace,
  asked: MessageRow | undefined,
  tools: readonly AgentTool[],
  since: bigint | null = null,
): Promise<ReplyRequest> {
  const { tenantId, conversationId, id: turnId } = place;
  const conversation = await readConversation(on, systemCaller(tenantId, "server"), conversationId, true);
  if (conversation === undefined) throw new Error("the conversation was purged");
  const length = conversation.max_context_length;
  const latest = await turnContext(on, tenantId, conversationId, length, since);
  const own = latest.filter(({ turn_id }) => turn_id === turnId);
  const others = latest.filter(({ id, turn_id }) => id !== asked?.id && turn_id !== turnId);
  // As the path shows it: a fork has inherited it as it was then.
  const shown = latest.find(({ id }) => id === asked?.id) ?? asked;
  const { mode, metadata, persona, profile_info: profileInfo } = conversation;
  const messages = [...latestOf(others, length - 1), ...(shown ? [shown] : []), ...own];
  return { tenantId, conversationId, turnId, messages, tools, mode, metadata, persona, profileInfo };
}

/** The last so many messages, with all that came since the first of them. */
function latestOf(rows: readonly MessageRow[], count: number): readonly MessageRow[] {
  const messages = rows.flatMap(({ kind }, index) => (kind === null ? [index] : []));
  if (messages.length <= count) return rows;
  return count === 0 ? [] : rows.slice(messages[messages.length - count]);
}
