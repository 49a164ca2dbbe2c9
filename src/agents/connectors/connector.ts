// What every way to an agent has in common.
import type { JsonObject } from "@bufbuild/protobuf";
import { FinishReason } from "../../domain/turn.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { MessageRow } from "../../store/messages/messages.ts";

/** What an agent is told. */
export interface ReplyRequest {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly turnId: string;
  /** Oldest first; the last is the one to answer. */
  readonly messages: readonly MessageRow[];
  readonly mode: string;
  readonly metadata: JsonObject | null;
  readonly persona: JsonObject | null;
  readonly profileInfo: JsonObject | null;
}

/**
 * Asks an agent, and gives its reply piece by piece; an empty piece is a sign of life. What it returns says why the reply
 * ends. When `signal` aborts, the agent is told, and the iteration ends with an error of any kind. Other failures are
 * {@link AgentFailure}s.
 */
export type Connector = (request: ReplyRequest, signal: AbortSignal) => AsyncGenerator<string, FinishReason>;

/** Makes the connector of an agent from what is stored of it. `credential` is open. */
export type ConnectorFactory = (agent: AgentRow, credential: string | undefined) => Connector;

export type AgentHealth = "up" | "down" | "unknown";

export interface AgentFailureOptions {
  /** Whether asking once more may help. Default: no. */
  readonly retryable?: boolean;
  /** How long the agent wants to be left alone first, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /**
   * What it says of the agent's health, for all conversations: `up` if it answered, though not this one; `down` if it could
   * not be reached, did not answer or is overloaded. Default: down.
   */
  readonly health?: AgentHealth;
  /** Why the reply ends. Default: an error. */
  readonly finish?: FinishReason;
  readonly cause?: unknown;
}

/** An agent did not do its part. The message is shown to callers: no content, no credential, no address. */
export class AgentFailure extends Error {
  override readonly name = "AgentFailure";
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly health: AgentHealth;
  readonly finish: FinishReason;

  constructor(message: string, options: AgentFailureOptions = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.health = options.health ?? "down";
    this.finish = options.finish ?? FinishReason.ERROR;
  }
}
