// What every way to an agent has in common.
import type { JsonObject } from "@bufbuild/protobuf";
import type { AgentRow } from "../store/agents.ts";
import type { MessageRow } from "../store/messages.ts";

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
 * Asks an agent, and gives its reply piece by piece. The reply is whole when the iteration ends. When `signal` aborts,
 * the agent is told, and the iteration ends with an error of any kind. Other failures are {@link AgentFailure}s.
 */
export type Connector = (request: ReplyRequest, signal: AbortSignal) => AsyncIterable<string>;

/** Makes the connector of an agent from what is stored of it. `credential` is open. */
export type ConnectorFactory = (agent: AgentRow, credential: string | undefined) => Connector;

/** An agent did not do its part. The message is shown to callers: no content, no credential, no address. */
export class AgentFailure extends Error {
  override readonly name = "AgentFailure";
  /** Whether asking once more may help. */
  readonly retryable: boolean;
  /** Whether it says something about the agent's health. */
  readonly countsAsFailure: boolean;

  constructor(
    message: string,
    options: { readonly retryable?: boolean; readonly countsAsFailure?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? false;
    this.countsAsFailure = options.countsAsFailure ?? true;
  }
}
