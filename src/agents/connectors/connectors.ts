// The connectors that this server has, and the circuit of each agent.

import { MAX_ANSWER_BYTES } from "../../domain/turn.ts";
import type { BoundedFetch } from "../../outbound/bounded-fetch.ts";
import type { AgentRow, ConnectorName } from "../../store/agents/agents.ts";
import type { Sealer } from "../secrets/sealing.ts";
import { checkHost, publicLookup } from "./addresses.ts";
import { Circuit } from "./circuit-breaker.ts";
import type { ConnectOptions } from "./connect.ts";
import { AgentFailure, type Connector, type ConnectorFactory } from "./connector.ts";
import { createEcho } from "./echo.ts";

export interface Connectors {
  /** Throws {@link AgentFailure} if the agent's credential cannot be opened. */
  connectorOf(tenantId: string, agent: AgentRow): Connector;
  /** What this process has seen of the agent's health. Begins anew when the agent is changed. */
  circuitOf(tenantId: string, agent: AgentRow): Circuit;
  close(): Promise<void>;
}

export interface ConnectorsOptions extends ConnectOptions {
  readonly sealer: Sealer;
}

/** The circuits of so many agents are kept; the one used longest ago is forgotten first. */
const MAX_CIRCUITS = 10_000;

export function createConnectors({ sealer, ...options }: ConnectorsOptions): Connectors {
  let bounded: BoundedFetch | undefined;
  const factories: Readonly<Record<ConnectorName, ConnectorFactory>> = {
    echo: createEcho,
    openai: loaded(async () => {
      const [{ createOpenAi }, { createBoundedFetch }] = await Promise.all([
        import("./openai/openai.ts"),
        import("../../outbound/bounded-fetch.ts"),
      ]);
      const addresses = options.allowPrivate ? {} : { checkHost, lookup: publicLookup };
      bounded = createBoundedFetch({ maxBytes: MAX_ANSWER_BYTES, ...addresses });
      return createOpenAi(bounded);
    }),
    connect: loaded(async () => (await import("./connect.ts")).createConnect(options)),
  };
  const circuits = new Map<string, Circuit>();
  return {
    connectorOf: (tenantId, agent) => factories[agent.connector](agent, openCredential(sealer, tenantId, agent)),
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
    close: async () => bounded?.close(),
  };
}

/** Loads what a kind of agent needs when the first such agent is asked: tens of MiB, and many servers have none. */
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
