// Runs the tools of an agent that this server runs itself.
import type { ToolResultPart } from "../../../gen/colloquy/v1/part_pb.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

/** A call that may run. */
export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  /** As the model wrote them. */
  readonly arguments: string;
}

export interface ToolOutcome {
  readonly output: ToolResultPart["output"];
  readonly isError: boolean;
}

export interface ToolRunner {
  /** Runs a tool of an agent. A tool that fails gives an outcome that says so. Throws only the signal's reason. */
  run(agent: AgentRow, call: ToolCall, place: TurnPlace, signal: AbortSignal): Promise<ToolOutcome>;
}

/** Follows what went wrong with a call that the tool may have got. */
export const MAY_HAVE_RUN = "the call may have run, its outcome is unknown";

/** What a tool has failed with, in words that the agent reads. */
export function toolFailure(why: string): ToolOutcome {
  return { output: { case: "text", value: why }, isError: true };
}
