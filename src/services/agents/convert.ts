// Converts agents to messages of the contract.
import { create, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import {
  A2aConnectorSchema,
  type Agent,
  AgentSchema,
  AnthropicConnectorSchema,
  ConnectConnectorSchema,
  EchoConnectorSchema,
  OpenAiConnectorSchema,
} from "../../../gen/colloquy/v1/agent_pb.ts";
import { durationOf } from "../../agents/connectors/duration.ts";
import type { AgentRow, ConnectorName } from "../../store/agents/agents.ts";
import { toTimestamp } from "../convert.ts";
import { toMcpServer } from "./mcp-servers.ts";
import { toAgentTool } from "./tools.ts";

/** `shown`: whether the caller may see how the agent is reached. */
export function toAgent(row: AgentRow, shown: boolean): Agent {
  const agent = create(AgentSchema);
  agent.id = row.id;
  agent.name = row.name;
  agent.description = row.description;
  if (shown) agent.connector = toConnector(row.connector, row.settings);
  agent.hasCredential = row.credential !== null;
  agent.idleTimeout = durationOf(row.idle_timeout_ms);
  agent.timeout = durationOf(row.timeout_ms);
  agent.disabled = row.disabled;
  if (row.metadata) agent.metadata = row.metadata;
  agent.etag = String(row.version);
  agent.createTime = toTimestamp(row.create_time);
  agent.updateTime = toTimestamp(row.update_time);
  if (shown) agent.tools = (row.tools ?? []).map(toAgentTool);
  if (shown) agent.mcpServers = (row.mcp_servers ?? []).map(toMcpServer);
  agent.inputTimeout = durationOf(row.input_timeout_ms);
  return agent;
}

function toConnector(name: ConnectorName, settings: JsonObject): Agent["connector"] {
  switch (name) {
    case "echo":
      return { case: "echo", value: fromJson(EchoConnectorSchema, settings) };
    case "openai":
      return { case: "openai", value: fromJson(OpenAiConnectorSchema, settings) };
    case "connect":
      return { case: "connect", value: fromJson(ConnectConnectorSchema, settings) };
    case "anthropic":
      return { case: "anthropic", value: fromJson(AnthropicConnectorSchema, settings) };
    case "a2a":
      return { case: "a2a", value: fromJson(A2aConnectorSchema, settings) };
  }
}

/** A connector as it is stored; undefined if none is given. */
export function toSettings(
  connector: Agent["connector"],
): { readonly connector: ConnectorName; readonly settings: JsonObject } | undefined {
  switch (connector.case) {
    case "echo":
      return { connector: "echo", settings: toJson(EchoConnectorSchema, connector.value) as JsonObject };
    case "openai":
      return { connector: "openai", settings: toJson(OpenAiConnectorSchema, connector.value) as JsonObject };
    case "connect":
      return { connector: "connect", settings: toJson(ConnectConnectorSchema, connector.value) as JsonObject };
    case "anthropic":
      return { connector: "anthropic", settings: toJson(AnthropicConnectorSchema, connector.value) as JsonObject };
    case "a2a":
      return { connector: "a2a", settings: toJson(A2aConnectorSchema, connector.value) as JsonObject };
    default:
      return undefined;
  }
}
