// Agents in words.
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { agentText } from "../strings/agents.ts";

export type ConnectorCase = keyof typeof agentText.connectors;

export function connectorName({ connector }: Agent): string | undefined {
  return connector.case === undefined ? undefined : agentText.connectors[connector.case];
}

export function modelOf({ connector }: Agent): string | undefined {
  return connector.case === "openai" || connector.case === "anthropic" ? connector.value.model : undefined;
}

/** Undefined: it has none, or the provider's own. */
export function addressOf({ connector }: Agent): string | undefined {
  return connector.case === undefined || connector.case === "echo" ? undefined : connector.value.baseUrl || undefined;
}

export function instructionsOf({ connector }: Agent): string | undefined {
  return connector.case === "openai" || connector.case === "anthropic" ? connector.value.instructions : undefined;
}
