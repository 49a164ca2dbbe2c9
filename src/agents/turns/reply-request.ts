// Reads what an agent gets of a conversation, when it is called.
import { systemCaller } from "../../domain/identity/caller.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { throughSeqOf, withSummary } from "../../domain/turns/summary.ts";
import type { TurnOptions } from "../../domain/turns/turn-options.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { turnContext } from "../../store/turns/entries.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import type { ReplyRequest } from "../connectors/connector.ts";

/** What of a conversation an agent gets. */
export interface RequestScope {
  /** The first entry of the turn in the log, if it has any. */
  readonly since?: bigint | null;
  /** Of a turn that is kept as a record: the agent gets the whole conversation, and what else is asked of it. */
  readonly record?: { readonly options: TurnOptions } | undefined;
}

/** The most entries that are read: with the latest messages, and of a whole conversation. */
const CONTEXT_ENTRIES = 1_000;
const MAX_ENTRIES = 10_000;

/**
 * The message to reply to comes last, and after it what the turn has said and done so far. While a turn was queued or
 * waited, later messages may have been added, such as the reply of the turn before it: they come before that message.
 *
 * @param asked undefined: it was deleted
 */
export async function replyRequestOf(
  on: Queryable,
  place: TurnPlace,
  asked: MessageRow | undefined,
  tools: readonly AgentTool[],
  { since = null, record }: RequestScope = {},
): Promise<ReplyRequest> {
  const { tenantId, conversationId, id: turnId } = place;
  const conversation = await readConversation(on, systemCaller(tenantId, "server"), conversationId, true);
  if (conversation === undefined) throw new Error("the conversation was purged");
  const length = record ? MAX_ENTRIES : conversation.max_context_length;
  const most = record ? MAX_ENTRIES : CONTEXT_ENTRIES;
  const latest = await turnContext(on, tenantId, conversationId, length, since, most);
  const own = latest.filter(({ turn_id }) => turn_id === turnId);
  const others = latest.filter(({ id, turn_id }) => id !== asked?.id && turn_id !== turnId);
  // As the path shows it: a fork has inherited it as it was then.
  const shown = latest.find(({ id }) => id === asked?.id) ?? asked;
  const { mode, metadata, persona, profile_info: profileInfo } = conversation;
  const messages = [
    ...(record ? latestOf(others, length - 1) : compacted(others, length - 1)),
    ...(shown ? [shown] : []),
    ...own,
  ];
  const about = { mode, metadata, persona, profileInfo };
  return { tenantId, conversationId, turnId, messages, tools, ...(record && { options: record.options }), ...about };
}

/** A summary in place of what it stands for, and of the rest the last so many messages. */
function compacted(rows: readonly MessageRow[], count: number): MessageRow[] {
  const summary = rows.findLast((row) => throughSeqOf(row) !== undefined);
  const [first, ...rest] = withSummary(rows, summary);
  if (first === undefined || first !== summary) return [...latestOf(first ? [first, ...rest] : [], count)];
  return [first, ...latestOf(rest, count)];
}

/** The last so many messages, with all that came since the first of them. */
function latestOf(rows: readonly MessageRow[], count: number): readonly MessageRow[] {
  const messages = rows.flatMap(({ kind }, index) => (kind === null ? [index] : []));
  if (messages.length <= count) return rows;
  return count === 0 ? [] : rows.slice(messages[messages.length - count]);
}
