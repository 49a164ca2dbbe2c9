// Which calls of a turn have no result yet, and what each of them waits for.
import { ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import type { AgentTool } from "./agent-tool.ts";
import { type CallNeed, digestOf, type PendingCall } from "./pending-call.ts";
import type { ReplyItem } from "./reply-item.ts";

/**
 * @param before those that were open when this server took up the turn
 * @param items what came since
 * @param asked the ids of the questions whether a call may run, by the call's
 */
export function openCalls(
  before: readonly PendingCall[],
  items: readonly ReplyItem[],
  tools: readonly AgentTool[],
  asked: ReadonlyMap<string, string>,
): PendingCall[] {
  const open = new Map(before.map((call) => [call.callId, call]));
  for (const { head, answers, ended, text } of items) {
    if (answers !== undefined) open.delete(answers);
    if (head.call === undefined || !ended) continue;
    const { callId, name, runsAt } = head.call;
    const elsewhere = runsAt === ToolPlace.AGENT || runsAt === ToolPlace.PROVIDER;
    const tool = elsewhere ? undefined : tools.find((one) => one.name === name);
    const digest = digestOf(text.whole);
    const call = { callId, name, entryId: head.id, place: tool?.place, needs: needOf(tool), digest };
    const approvalId = asked.get(callId);
    open.set(callId, approvalId === undefined ? call : { ...call, approvalId });
  }
  return [...open.values()];
}

function needOf(tool: AgentTool | undefined): CallNeed {
  if (tool === undefined) return "nothing";
  return tool.needsApproval ? "approval" : needOnceAllowed(tool.place);
}

/** What the agent reads of a call whose turn ends before its result. `begun`: it may have been run. */
export function noResult(why: string, begun: boolean): string {
  return begun ? `no result: ${why}; it may have run` : `not run: ${why}`;
}

/** What a call waits for that may run. */
export function needOnceAllowed(place: PendingCall["place"]): CallNeed {
  return place === "client" ? "result" : "run";
}

/** What kind of tool the contract says that it is; undefined: the agent's connector knows it. */
export function toolType(tool: AgentTool | undefined): ToolType | undefined {
  return tool?.place === "mcp" ? ToolType.MCP : undefined;
}

/** Where the contract says that a tool runs. */
export function toolPlace(tool: AgentTool | undefined): ToolPlace | undefined {
  if (tool === undefined) return undefined;
  return tool.place === "client" ? ToolPlace.CLIENT : ToolPlace.SERVER;
}
