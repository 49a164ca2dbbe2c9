// Turns in words.
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { agentText } from "../strings/agents.ts";
import { amount, msBetween, span } from "../ui/amounts.ts";
import { StateBadge, type Tone } from "../ui/state-badge.tsx";
import { wordOf } from "../ui/word-of.ts";

const TONES: Readonly<Record<number, Tone>> = {
  [TurnState.COMPLETE]: "good",
  [TurnState.FAILED]: "bad",
  [TurnState.RUNNING]: "busy",
  [TurnState.INPUT_REQUIRED]: "busy",
};

export function TurnBadge({ turn: { state } }: { turn: Turn }) {
  return <StateBadge tone={TONES[state] ?? "plain"}>{wordOf(TurnState, state, agentText.turn.states)}</StateBadge>;
}

/** How long the agent took. Undefined: it has not ended, or never began. */
export function msOf({ startTime, endTime }: Turn): number | undefined {
  return msBetween(startTime, endTime);
}

export function tookOf(turn: Turn): string | undefined {
  const ms = msOf(turn);
  return ms === undefined ? undefined : span(ms);
}

export function tokensOf({ usage }: Turn): string | undefined {
  return usage && `${amount(usage.inputTokens)} / ${amount(usage.outputTokens)}`;
}

export function hasEnded({ endTime }: Turn): boolean {
  return endTime !== undefined;
}
