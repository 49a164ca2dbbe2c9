// Conversations name their agent by id or by name; a dialect shows one of the two, however the conversation was
// created.
import type { Agent } from "../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { isOurId } from "../domain/ids/id.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import type { Canonical } from "../services/in-process/in-process.ts";

/** What a dialect's method says that it calls for its response. */
export const LOOK_UP_AGENT = AgentService.method.getAgent;

interface Named {
  readonly agent: string;
}

/**
 * How conversations' agents are shown: by their `name` or `id`. Each agent that is not named so already is looked up
 * once; one that is not registered stays as it is.
 */
export async function agentsAs(
  form: "name" | "id",
  canonical: Canonical,
  context: CallContext,
  conversations: readonly Named[],
): Promise<(conversation: Named) => string> {
  const shown = new Map<string, string>();
  for (const { agent } of conversations) {
    if (agent === "" || isOurId(agent) === (form === "id") || shown.has(agent)) continue;
    shown.set(agent, (await find(canonical, context, agent))?.[form] ?? agent);
  }
  return ({ agent }) => shown.get(agent) ?? agent;
}

async function find(canonical: Canonical, context: CallContext, agentId: string): Promise<Agent | undefined> {
  try {
    return (await canonical.call(context, LOOK_UP_AGENT, { agentId })).agent;
  } catch (error) {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return undefined;
    throw error;
  }
}
