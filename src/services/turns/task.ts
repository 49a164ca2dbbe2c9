// What a server needs to run a turn, from its row.
import type { AgentTool as ContractTool } from "../../../gen/colloquy/v1/agent_pb.ts";
import type { ReplyRequest } from "../../agents/connectors/connector.ts";
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { invalidField } from "../../domain/errors.ts";
import type { AgentTool, StoredTool } from "../../domain/turns/agent-tool.ts";
import type { PendingCall } from "../../domain/turns/pending-call.ts";
import { TurnState } from "../../domain/turns/turn.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import { tokenColumnsOf } from "../../store/turns/columns.ts";
import type { LockedTurnRow } from "../../store/turns/entries.ts";
import type { TurnPlace, TurnRow } from "../../store/turns/turns.ts";
import { checkTools, storedTool } from "../agents/tools.ts";

/** All tools that a caller brings, as they are stored. */
const MAX_BYTES = 512 * 1024;

/** The tools that a caller brings to a turn, which only clients run. */
export function broughtTools(tools: readonly ContractTool[]): StoredTool[] {
  checkTools(tools, "tools");
  const other = tools.findIndex(({ runs }) => runs.case !== undefined && runs.case !== "client");
  if (other >= 0) throw invalidField(`tools[${other}]`, "must be a tool that clients run", "tools.client");
  const stored = tools.map(storedTool);
  if (Buffer.byteLength(JSON.stringify(stored)) > MAX_BYTES) {
    throw invalidField("tools", `must be at most ${MAX_BYTES} bytes in all`, "tools.max_bytes");
  }
  return stored;
}

/** What the turn's row holds of them. */
export function toolsText(brought: readonly StoredTool[]): string | null {
  return brought.length === 0 ? null : JSON.stringify(brought);
}

export function readTools(text: string | null): StoredTool[] {
  return text === null ? [] : (JSON.parse(text) as StoredTool[]);
}

/**
 * @param row without `bytes`, the turn has no entries
 * @param pending the calls without a result
 * @param deltas the lengths of the turn's deltas; null: they are not recorded
 */
export function taskOf(
  row: TurnRow & Partial<Pick<LockedTurnRow, "bytes">>,
  place: TurnPlace,
  agent: AgentRow,
  brought: readonly StoredTool[],
  pending: readonly PendingCall[],
  readRequest: (tools: readonly AgentTool[]) => Promise<ReplyRequest>,
  deltas: string | null = null,
): LiveTurnTask {
  const own = agent.tools ?? [];
  const names = new Set(own.map(({ name }) => name));
  const tools = [...own, ...brought.filter(({ name }) => !names.has(name))];
  const { ends_with_calls: endsWithCalls, discards } = row;
  return {
    place,
    agent,
    tools,
    queued: row.state === TurnState.QUEUED,
    messageSeq: row.message_seq,
    start: {
      step: row.step,
      entryCount: row.entry_count,
      bytes: row.bytes ?? 0,
      said: row.said,
      replyId: row.reply_seq === null ? row.reply_id : undefined,
      pending,
      usage: tokenColumnsOf(row),
    },
    endsWithCalls,
    discards,
    deltas,
    readRequest: () => readRequest(tools),
  };
}
