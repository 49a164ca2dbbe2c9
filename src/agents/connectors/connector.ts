// The interface of all connectors.
import type { JsonObject } from "@bufbuild/protobuf";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { TurnOptions } from "../../domain/turns/turn-options.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import type { Refusal } from "../../store/turns/turns.ts";
import type { StreamedFiles } from "./streamed-files.ts";

/** The input of an agent. */
export interface ReplyRequest {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly turnId: string;
  /**
   * Entries of the log, oldest first: messages with their parts, and the reasoning, calls and results among them. A
   * call never goes without its result. The last is what to reply to: a message, or in later steps of a turn its
   * results.
   */
  readonly messages: readonly MessageRow[];
  /** What the agent may call in this turn. Empty: nothing. */
  readonly tools: readonly AgentTool[];
  /** What is asked of the model in this turn alone. */
  readonly options?: TurnOptions;
  readonly mode: string;
  readonly metadata: JsonObject | null;
  readonly persona: JsonObject | null;
  readonly profileInfo: JsonObject | null;
  /** The conversation's state, JSON as text; empty: it has none. */
  readonly stateJson: string;
  /** Files for whose bytes a short text stands in `messages`. Default: their bytes are there. */
  readonly files?: StreamedFiles;
}

/**
 * Calls an agent once and yields its reply in pieces. Returns the finish reason: with TOOL_CALLS, the turn runs the
 * calls that have no result yet, and calls the agent again with these results at the end of `messages`.
 * When `signal` aborts, the request is aborted and the iteration throws any error. Other errors are {@link
 * AgentFailure}s.
 */
export type Connector = (request: ReplyRequest, signal: AbortSignal) => AsyncGenerator<ReplyPiece, FinishReason>;

/** Creates the connector of a stored agent. `credential` is decrypted. */
export type ConnectorFactory = (agent: AgentRow, credential: string | undefined) => Connector;

export type AgentHealth = "up" | "down" | "unknown";

export interface AgentFailureOptions {
  /** Whether a retry may help. Default: no. */
  readonly retryable?: boolean;
  /** The agent's Retry-After in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /**
   * The agent's health, for all conversations: `up` if it refused only this one; `down` if it was unreachable, silent
   * or overloaded. Default: down.
   */
  readonly health?: AgentHealth;
  /** The finish reason. Default: error. */
  readonly finish?: FinishReason;
  /** The status with which the endpoint refused the request, and its code. */
  readonly refusal?: Refusal | undefined;
  readonly cause?: unknown;
}

/** A failure of an agent. Callers see the message: no content, no credential, no address. */
export class AgentFailure extends Error {
  override readonly name = "AgentFailure";
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly health: AgentHealth;
  readonly finish: FinishReason;
  readonly refusal: Refusal | undefined;

  constructor(message: string, options: AgentFailureOptions = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.health = options.health ?? "down";
    this.refusal = options.refusal;
    this.finish = options.finish ?? FinishReason.ERROR;
  }
}
