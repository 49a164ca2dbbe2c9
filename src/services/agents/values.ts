// The fields of an agent that administrators set: their values as columns, and the rules for them.
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { checkHost, hostOf } from "../../agents/connectors/addresses.ts";
import { millisecondsOf } from "../../agents/connectors/duration.ts";
import type { Sealer, SealOwner } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import { isLegibleId } from "../../domain/identity/principal.ts";
import type { AgentRow, AgentValues } from "../../store/agents/agents.ts";
import { toSettings } from "./convert.ts";

const DEFAULT_IDLE_TIMEOUT_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 300_000;

/** The fields that an update may change, by their proto names. */
export const updatableFields = [
  "name",
  "description",
  "echo",
  "openai",
  "connect",
  "anthropic",
  "credential",
  "idle_timeout",
  "timeout",
  "disabled",
  "metadata",
] as const;

export type UpdatableField = (typeof updatableFields)[number];

export interface AgentRules {
  readonly sealer: Sealer;
  readonly allowPrivate: boolean;
}

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
  };
}

/** Whoever may move an agent would else have its credential sent to themselves. */
function keptCredential(row: AgentRow, connector: Pick<AgentRow, "connector" | "settings">): AgentRow["credential"] {
  const origin = originOf(connector);
  if (row.credential === null || origin === undefined || origin === originOf(row)) return row.credential;
  throw invalidField(
    "agent.credential",
    "must be given again for another address, or taken away: it is sent only to where it was meant for",
    "credential.address",
  );
}

/** Where an agent is asked; empty: at the connector's default. Undefined: in this process. */
function originOf({ connector, settings }: Pick<AgentRow, "connector" | "settings">): string | undefined {
  if (connector === "echo") return undefined;
  const { baseUrl } = settings;
  return typeof baseUrl === "string" && baseUrl !== "" ? new URL(baseUrl).origin : "";
}

const connectorFields = ["echo", "openai", "connect", "anthropic"] as const;

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
    throw invalidField("agent.connector", "one of echo, openai, anthropic and connect is needed", "required");
  if ((connector.case === "openai" || connector.case === "anthropic") && connector.value.baseUrl !== "") {
    checkUrl(`agent.${connector.case}.base_url`, connector.value.baseUrl, allowPrivate);
  }
  if (connector.case === "connect") checkUrl("agent.connect.base_url", connector.value.baseUrl, allowPrivate);
  return settings;
}

/** What can be told from the URL alone; a name is checked again whenever it is resolved. */
function checkUrl(field: string, text: string, allowPrivate: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalidField(field, "must be a URL that begins with https:// or http://", "url");
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw invalidField(field, "must have no user, password or fragment; a secret belongs into credential", "url");
  }
  if (allowPrivate) return;
  const host = hostOf(url);
  try {
    if (/(^|\.)localhost\.?$/i.test(host)) throw new Error("loopback");
    checkHost(host);
  } catch {
    throw invalidField(field, "is on a private network, which this server does not allow", "url.private");
  }
}
