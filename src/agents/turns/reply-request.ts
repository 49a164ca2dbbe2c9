// Reads the context that an agent gets of a conversation.
import { systemCaller } from "../../domain/identity/caller.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { throughSeqOf, withSummary } from "../../domain/turns/summary.ts";
import type { TurnOptions } from "../../domain/turns/turn-options.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { turnContext } from "../../store/turns/entries.ts";
import { queuedInputs } from "../../store/turns/queued-turns.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import type { ReplyRequest } from "../connectors/connector.ts";

/** What of a conversation an agent gets. */
export interface RequestScope {
  /** The first entry of the turn in the log, if it has any. */
  readonly since?: bigint | null;
  /** The first of the messages to reply to, if they are several. */
  readonly inputSeq?: bigint | null | undefined;
  /** Of a turn that is kept as a record: the agent gets the whole conversation. */
  readonly isRecord?: boolean;
  /** What else is asked of the agent. */
  readonly options?: TurnOptions;
}

/** The most entries that are read: with the latest messages, and of a whole conversation. */
const CONTEXT_ENTRIES = 1_000;
const MAX_ENTRIES = 10_000;

/**
 * The messages to reply to come last, and after them what the turn has said and done so far. While a turn was queued or
 * waited, later messages may have been added, such as the reply of the turn before it: they come before those messages.
 * What turns reply to that are still queued is left out.
 *
 * @param asked undefined: it was deleted
 */
export async function replyRequestOf(
  on: Queryable,
  place: TurnPlace,
  asked: MessageRow | undefined,
  tools: readonly AgentTool[],
  { since = null, inputSeq, isRecord = false, options }: RequestScope = {},
): Promise<ReplyRequest> {
  const { tenantId, conversationId, id: turnId } = place;
  const conversation = await readConversation(on, systemCaller(tenantId, "server"), conversationId, true);
  if (conversation === undefined) throw new Error("the conversation was purged");
  const length = isRecord ? MAX_ENTRIES : conversation.max_context_length;
  const max = isRecord ? MAX_ENTRIES : CONTEXT_ENTRIES;
  const latest = await turnContext(on, tenantId, conversationId, length, since, max);
  const own = latest.filter(({ turn_id }) => turn_id === turnId);
  const first = inputSeq ?? asked?.seq;
  const isAsked = ({ id, seq, turn_id }: MessageRow) =>
    id === asked?.id ||
    (turn_id === null && asked !== undefined && first !== undefined && seq >= first && seq < asked.seq);
  const before = latest.filter((row) => !isAsked(row) && row.turn_id !== turnId);
  const isLater = ({ seq, turn_id }: MessageRow) => turn_id === null && asked !== undefined && seq > asked.seq;
  const isQueued = before.some(isLater) ? await queuedInputs(on, place) : () => false;
  const others = before.filter((row) => !(isLater(row) && isQueued(row)));
  // As the path shows it: a fork has inherited it as it was then.
  const input = latest.filter(isAsked);
  const shown = asked === undefined || input.at(-1)?.id === asked.id ? input : [...input, asked];
  const { mode, metadata, persona, profile_info: profileInfo, state_json: stateJson } = conversation;
  const room = Math.max(length - Math.max(shown.filter(({ kind }) => kind === null).length, 1), 0);
  const messages = [...(isRecord ? latestOf(others, room) : compacted(others, room)), ...shown, ...own];
  const about = { mode, metadata, persona, profileInfo, stateJson: stateJson ?? "" };
  return { tenantId, conversationId, turnId, messages, tools, ...(options && { options }), ...about };
}

/** A summary in place of what it stands for, and of the rest the last so many messages. */
function compacted(rows: readonly MessageRow[], count: number): MessageRow[] {
  const summary = rows.findLast((row) => throughSeqOf(row) !== undefined);
  const kept = withSummary(rows, summary);
  const at = summary === undefined ? -1 : kept.indexOf(summary);
  return [...kept.slice(0, at + 1), ...latestOf(kept.slice(at + 1), count)];
}

/** The last so many messages, with all that came since the first of them. */
function latestOf(rows: readonly MessageRow[], count: number): readonly MessageRow[] {
  const messages = rows.flatMap(({ kind }, index) => (kind === null ? [index] : []));
  if (messages.length <= count) return rows;
  return count === 0 ? [] : rows.slice(messages[messages.length - count]);
}
