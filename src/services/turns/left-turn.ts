// What a server needs to run a queued turn that a dead server has left.
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import { systemCaller } from "../../domain/identity/caller.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { readOptions } from "../../domain/turns/turn-options.ts";
import { findAgent } from "../../store/agents/agents.ts";
import type { Database } from "../../store/database.ts";
import { readMessage } from "../../store/messages/messages.ts";
import type { SavedTurnRow } from "../../store/turns/entries.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import { readTools, taskOf } from "./task.ts";

/** Undefined: its agent is gone. */
export async function leftTurn(
  database: Database,
  place: TurnPlace,
  row: SavedTurnRow,
): Promise<LiveTurnTask | undefined> {
  const { tenantId } = place;
  const agent = await findAgent(database, tenantId, row.agent_id);
  if (agent === undefined) return undefined;
  const scope = { inputSeq: row.input_seq, isRecord: row.deltas !== null, options: readOptions(row.options) };
  const readRequest = async (tools: readonly AgentTool[]) => {
    const asked = await readMessage(database, systemCaller(tenantId, "server"), row.message_id, false);
    return replyRequestOf(database, place, asked, tools, scope);
  };
  return taskOf(row, place, agent, readTools(row.tools), [], readRequest, row.deltas);
}
