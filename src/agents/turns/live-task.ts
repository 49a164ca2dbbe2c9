// The inputs of a running turn, and what it shows to followers.
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import type { PendingCall } from "../../domain/turns/pending-call.ts";
import type { ReplyItem } from "../../domain/turns/reply-item.ts";
import type { TokenColumns } from "../../domain/turns/token-count.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import type { ReplyRequest } from "../connectors/connector.ts";

/** Where a turn stands when a server takes it up: at its beginning, or after it has waited for input. */
export interface TurnStart {
  readonly step: number;
  readonly entryCount: number;
  /** The bytes of its entries. */
  readonly bytes: number;
  readonly said: number;
  /** The id that its row has for the next message; undefined: that is used. */
  readonly replyId: string | undefined;
  readonly pending: readonly PendingCall[];
  readonly usage: TokenColumns;
}

/** The input of a turn. A queued turn reads the request when it starts. */
export interface LiveTurnTask {
  readonly place: TurnPlace;
  readonly queued: boolean;
  /** The `seq` of the message to reply to. */
  readonly messageSeq: bigint;
  readonly agent: AgentRow;
  /** The agent's tools, and those that the caller brought. */
  readonly tools: readonly AgentTool[];
  readonly start: TurnStart;
  /** Whether calls that clients run end the turn, and its entries are deleted if it fails. */
  readonly endsWithCalls: boolean;
  readonly discards: boolean;
  /** The lengths of its deltas so far; null: they are not recorded. */
  readonly deltas: string | null;
  readRequest(): Promise<ReplyRequest>;
}

/** A turn as this server holds it. */
export interface LiveView {
  /** How many entries it had before, and the code points of their text. */
  readonly base: number;
  readonly said: number;
  /** Those since, in order. */
  readonly items: readonly ReplyItem[];
  /** The first of them as they are stored. */
  readonly rows: readonly MessageRow[];
  /** Whether it is this server's to tell. Not once it has hung for long, until the store has taken a write. */
  readonly isOurs: boolean;
}
