// Creates connectors, and keeps the circuit breaker of each agent.

import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { MAX_RESPONSE_BYTES } from "../../domain/turns/turn.ts";
import type { BoundedFetch } from "../../outbound/bounded-fetch.ts";
import type { WebFetch } from "../../outbound/web-fetch.ts";
import type { AgentRow, ConnectorName } from "../../store/agents/agents.ts";
import type { Sealer } from "../secrets/sealing.ts";
import { createHttpTools, MAX_RESULT_BYTES } from "../tools/http-tools.ts";
import { createMcpServers, type McpServersOptions } from "../tools/mcp/mcp-servers.ts";
import type { ToolRunner } from "../tools/tool-runner.ts";
import { checkHost, publicLookup } from "./addresses.ts";
import { Circuit } from "./circuit-breaker.ts";
import type { ConnectOptions } from "./connect/connect.ts";
import { AgentFailure, type Connector, type ConnectorFactory } from "./connector.ts";
import { createEcho } from "./echo.ts";
import { withoutCredential } from "./without-credential.ts";

export interface Connectors {
  /** Throws {@link AgentFailure} if the agent's credential cannot be decrypted. */
  connectorOf(tenantId: string, agent: AgentRow): Connector;
  /** The circuit breaker of the agent in this process. A change of the agent resets it. */
  circuitOf(tenantId: string, agent: AgentRow): Circuit;
  /** Runs the agents' tools that this server runs. */
  readonly tools: ToolRunner;
  /** The tools of an agent's MCP servers, as far as they can be asked. Throws only the signal's reason. */
  mcpTools(tenantId: string, agent: AgentRow, signal: AbortSignal): Promise<readonly AgentTool[]>;
  close(): Promise<void>;
}

export interface ConnectorsOptions extends ConnectOptions {
  readonly sealer: Sealer;
  readonly log?: McpServersOptions["log"];
  readonly mcpTimes?: McpServersOptions["times"];
}

/** The most bytes of one response of an MCP server. */
const MAX_MCP_BYTES = 4 << 20;

/** Maximum number of circuits; the least recently used is dropped first. */
const MAX_CIRCUITS = 10_000;

export function createConnectors({ sealer, log, mcpTimes, ...options }: ConnectorsOptions): Connectors {
  let bounded: BoundedFetch | undefined;
  let fetching: Promise<BoundedFetch> | undefined;
  const addresses = options.allowPrivate ? {} : { checkHost, lookup: publicLookup };
  const { extraHeaders } = options;
  const openFetch = async (maxBytes: number) =>
    (await import("../../outbound/bounded-fetch.ts")).createBoundedFetch({ maxBytes, extraHeaders, ...addresses });
  const fetcher = () => {
    fetching ??= openFetch(MAX_RESULT_BYTES);
    return fetching;
  };
  let webFetching: Promise<WebFetch> | undefined;
  const openWebFetch = async (maxBytes: number) =>
    (await import("../../outbound/web-fetch.ts")).createWebFetch({ maxBytes, extraHeaders, ...addresses });
  const webFetcher = () => {
    webFetching ??= openWebFetch(MAX_MCP_BYTES);
    return webFetching;
  };
  let a2aFetching: Promise<WebFetch> | undefined;
  const a2aFetcher = () => {
    a2aFetching ??= openWebFetch(MAX_RESPONSE_BYTES);
    return a2aFetching;
  };
  const http = createHttpTools({ fetcher, sealer });
  const mcp = createMcpServers({ fetcher: webFetcher, sealer, log, ...(mcpTimes && { times: mcpTimes }) });
  const boundedFetch = async () => {
    bounded ??= await openFetch(MAX_RESPONSE_BYTES);
    return bounded;
  };
  const factories: Readonly<Record<ConnectorName, ConnectorFactory>> = {
    echo: createEcho,
    openai: loaded(async () => (await import("./openai/openai.ts")).createOpenAi(await boundedFetch())),
    anthropic: loaded(async () => (await import("./anthropic/anthropic.ts")).createAnthropic(await boundedFetch())),
    a2a: loaded(async () => (await import("./a2a/a2a.ts")).createA2a(await a2aFetcher())),
    connect: loaded(async () => (await import("./connect/connect.ts")).createConnect(options)),
  };
  const circuits = new Map<string, Circuit>();
  return {
    connectorOf(tenantId, agent) {
      const credential = openCredential(sealer, tenantId, agent);
      return withoutCredential(factories[agent.connector](agent, credential), credential);
    },
    circuitOf(tenantId, { id, version }) {
      const key = `${tenantId}/${id}/${version}`;
      const circuit = circuits.get(key) ?? new Circuit();
      circuits.delete(key);
      circuits.set(key, circuit);
      for (const oldest of circuits.keys()) {
        if (circuits.size <= MAX_CIRCUITS) break;
        circuits.delete(oldest);
      }
      return circuit;
    },
    tools: {
      run(agent, call, place, signal) {
        const isMcp = agent.mcp_servers !== null && !agent.tools?.some(({ name }) => name === call.name);
        return isMcp ? mcp.run(place.tenantId, agent, call, signal) : http.run(agent, call, place, signal);
      },
    },
    mcpTools: (tenantId, agent, signal) =>
      agent.mcp_servers === null ? Promise.resolve([]) : mcp.list(tenantId, agent, signal),
    async close() {
      await bounded?.close();
      await (await fetching)?.close();
      await mcp.close();
      await (await webFetching)?.close();
      await (await a2aFetching)?.close();
    },
  };
}

/** Imports a connector at its first use: it takes tens of MiB, and many servers never need it. */
function loaded(load: () => Promise<ConnectorFactory>): ConnectorFactory {
  let loading: Promise<ConnectorFactory> | undefined;
  return (agent, credential) =>
    async function* (request, signal) {
      loading ??= load();
      const factory = await loading;
      return yield* factory(agent, credential)(request, signal);
    };
}

function openCredential(sealer: Sealer, tenantId: string, { id, credential }: AgentRow): string | undefined {
  if (credential === null) return undefined;
  try {
    return sealer.open(credential, { tenantId, id });
  } catch (cause) {
    throw new AgentFailure("the agent's credential cannot be read with this server's key", {
      health: "unknown",
      cause,
    });
  }
}
