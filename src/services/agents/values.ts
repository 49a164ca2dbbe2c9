// The fields of an agent that administrators set: their values as columns, and the rules for them.
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { millisecondsOf } from "../../agents/connectors/duration.ts";
import type { SealOwner } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import { isLegibleId } from "../../domain/identity/principal.ts";
import type { AgentRow, AgentValues } from "../../store/agents/agents.ts";
import { type AgentRules, checkUrl } from "./check-url.ts";

import { toSettings } from "./convert.ts";
import { mcpServersOf } from "./mcp-servers.ts";
import { toolsOf } from "./tools.ts";

const DEFAULT_IDLE_TIMEOUT_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_INPUT_TIMEOUT_MS = 600_000;

/** The fields that an update may change, by their proto names. */
export const updatableFields = [
  "name",
  "description",
  "echo",
  "openai",
  "connect",
  "anthropic",
  "a2a",
  "credential",
  "idle_timeout",
  "timeout",
  "disabled",
  "metadata",
  "tools",
  "input_timeout",
  "mcp_servers",
] as const;

export type UpdatableField = (typeof updatableFields)[number];

/** The values of a new agent. */
export function newValues(agent: Agent, owner: SealOwner, rules: AgentRules): AgentValues {
  return {
    name: nameOf(agent),
    description: agent.description,
    ...connectorOf(agent, rules),
    credential: agent.credential === "" ? null : rules.sealer.seal(agent.credential, owner),
    idle_timeout_ms: millisecondsOf(agent.idleTimeout) ?? DEFAULT_IDLE_TIMEOUT_MS,
    timeout_ms: millisecondsOf(agent.timeout) ?? DEFAULT_TIMEOUT_MS,
    disabled: agent.disabled,
    metadata: agent.metadata ?? null,
    tools: toolsOf(agent, owner, rules, null),
    mcp_servers: mcpServersOf(agent, owner, rules, null),
    input_timeout_ms: millisecondsOf(agent.inputTimeout) ?? DEFAULT_INPUT_TIMEOUT_MS,
  };
}

/** The values of an agent after an update of some fields. */
export function changedValues(
  row: AgentRow,
  agent: Agent,
  fields: readonly UpdatableField[],
  owner: SealOwner,
  rules: AgentRules,
): AgentValues {
  const changes = (field: UpdatableField) => fields.includes(field);
  const connector = connectorFields.some(changes) ? connectorOf(agent, rules) : row;
  requirePlace(row, connector);
  return {
    name: changes("name") ? nameOf(agent) : row.name,
    description: changes("description") ? agent.description : row.description,
    connector: connector.connector,
    settings: connector.settings,
    credential: changes("credential")
      ? agent.credential === ""
        ? null
        : rules.sealer.seal(agent.credential, owner)
      : keptCredential(row, connector),
    idle_timeout_ms: changes("idle_timeout")
      ? (millisecondsOf(agent.idleTimeout) ?? DEFAULT_IDLE_TIMEOUT_MS)
      : row.idle_timeout_ms,
    timeout_ms: changes("timeout") ? (millisecondsOf(agent.timeout) ?? DEFAULT_TIMEOUT_MS) : row.timeout_ms,
    disabled: changes("disabled") ? agent.disabled : row.disabled,
    metadata: changes("metadata") ? (agent.metadata ?? null) : row.metadata,
    tools: changes("tools") ? toolsOf(agent, owner, rules, row.tools) : row.tools,
    mcp_servers: changes("mcp_servers") ? mcpServersOf(agent, owner, rules, row.mcp_servers) : row.mcp_servers,
    input_timeout_ms: changes("input_timeout")
      ? (millisecondsOf(agent.inputTimeout) ?? DEFAULT_INPUT_TIMEOUT_MS)
      : row.input_timeout_ms,
  };
}

/** Whoever may move an agent would else have its credential sent to themselves. */
function keptCredential(row: AgentRow, connector: Pick<AgentRow, "connector" | "settings">): AgentRow["credential"] {
  const origin = originOf(connector);
  if (row.credential === null || origin === undefined || origin === originOf(row)) return row.credential;
  throw invalidField(
    "agent.credential",
    "must be set again or cleared when host, port or scheme change: a stored secret never goes to a new endpoint",
    "credential.address",
  );
}

/** Of an agent with an endpoint of its own, that a connector without one moves it to the provider's is said, not meant. */
function requirePlace(row: AgentRow, next: Pick<AgentRow, "connector" | "settings">): void {
  if (row.connector !== next.connector || !originOf(row) || originOf(next) !== "") return;
  throw invalidField(
    `agent.${next.connector}.base_url`,
    "must be given: the connector is replaced as a whole, and without it the agent would move to the provider's endpoint",
    "connector.place",
  );
}

/** Where an agent is asked; empty: at the connector's default. Undefined: in this process. */
function originOf({ connector, settings }: Pick<AgentRow, "connector" | "settings">): string | undefined {
  if (connector === "echo") return undefined;
  const { baseUrl } = settings;
  return typeof baseUrl === "string" && baseUrl !== "" ? new URL(baseUrl).origin : "";
}

const connectorFields = ["echo", "openai", "connect", "anthropic", "a2a"] as const;

function nameOf({ name }: Agent): string {
  if (name === "") throw invalidField("agent.name", "must have 1 to 200 characters", "string.min_len");
  if (!isLegibleId(name)) {
    const rule = "must have no control or invisible characters, and no space at either end";
    throw invalidField("agent.name", rule, "string.legible");
  }
  return name;
}

function connectorOf({ connector }: Agent, { allowPrivate }: AgentRules) {
  const settings = toSettings(connector);
  if (settings === undefined)
    throw invalidField("agent.connector", "must have one of echo, openai, anthropic, connect and a2a", "required");
  if ((connector.case === "openai" || connector.case === "anthropic") && connector.value.baseUrl !== "") {
    checkUrl(`agent.${connector.case}.base_url`, connector.value.baseUrl, allowPrivate);
  }
  if (connector.case === "connect" || connector.case === "a2a") {
    checkUrl(`agent.${connector.case}.base_url`, connector.value.baseUrl, allowPrivate);
  }
  return settings;
}
