// The agent that a turn asks.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { type AgentRow, findAgent } from "../../store/agents/agents.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";

/**
 * Throws UNKNOWN_REFERENCE if there is no such agent, or it takes no turns.
 *
 * @param wanted its name or id; empty: the conversation's
 */
export async function requireAgent(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  wanted: string,
): Promise<AgentRow> {
  const conversation = wanted === "" ? await readConversation(tx, caller, conversationId) : undefined;
  const name = conversation?.agent ?? wanted;
  const agent = name === "" ? undefined : await findAgent(tx, caller.tenantId, name);
  if (agent !== undefined && !agent.disabled) return agent;
  const field = wanted === "" ? "conversation.agent" : "agent";
  const description = agent ? "names an agent that is disabled" : "names no registered agent";
  throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    violations: [{ field, description, rule: "reference" }],
  });
}
