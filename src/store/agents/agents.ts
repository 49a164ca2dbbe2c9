// Reads and changes agents.

import type { Interrupt } from "../../domain/cancellation.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { Moment } from "../changed-since.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export { readMoment } from "../changed-since.ts";
export type { AgentRow, ConnectorName } from "./statements.ts";

/** The values of an agent, without those that the store assigns. */
export type AgentValues = Omit<sql.AgentRow, "id" | "version" | "create_time" | "update_time">;

/** An agent by its id or name. */
export async function findAgent(
  on: Queryable,
  tenantId: string,
  idOrName: string,
  signal?: Interrupt,
): Promise<sql.AgentRow | undefined> {
  return (await on.query(sql.findAgent, place(tenantId, idOrName), signal))[0];
}

/** The same, locked until the transaction ends. */
export async function lockAgent(tx: Queryable, tenantId: string, idOrName: string): Promise<sql.AgentRow | undefined> {
  return (await tx.query(sql.lockAgent, place(tenantId, idOrName)))[0];
}

function place(tenantId: string, idOrName: string): unknown[] {
  return [tenantId, idOrName, isOurId(idOrName) ? idOrName : null];
}

/** The agent after which a page begins. */
export interface AgentEdge {
  readonly name: string;
  readonly id: string;
  /** Whether the previous page ended among the agents that changed since the first page. */
  readonly late: boolean;
  /** When the first page was read. */
  readonly since: Moment;
}

/** A page of agents, by name; none is skipped because of a rename. */
export function listAgents(
  on: Queryable,
  tenantId: string,
  after: AgentEdge | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<sql.ListedAgentRow[]> {
  if (after === undefined) return on.query(sql.listAgents, [tenantId, limit], signal);
  const { name, id, late, since } = after;
  return on.query(sql.listMoreAgents, [tenantId, limit, name, id, late, since.next, since.running], signal);
}

/** Undefined: another agent has the name. */
export async function insertAgent(
  tx: Queryable,
  tenantId: string,
  id: string,
  values: AgentValues,
): Promise<sql.AgentRow | undefined> {
  return (await tx.query(sql.insertAgent, parameters(tenantId, id, values)))[0];
}

/** PostgreSQL's code for a unique violation. */
const UNIQUE_VIOLATION = "23505";

/** Replaces the values of a locked agent. Undefined: another agent has the name, and the transaction has failed. */
export async function updateAgent(
  tx: Queryable,
  tenantId: string,
  id: string,
  values: AgentValues,
): Promise<sql.AgentRow | undefined> {
  try {
    return (await tx.query(sql.updateAgent, parameters(tenantId, id, values)))[0];
  } catch (error) {
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return undefined;
    throw error;
  }
}

export async function deleteAgent(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query(sql.deleteAgent, [tenantId, id]);
}

function parameters(tenantId: string, id: string, values: AgentValues): unknown[] {
  return [
    tenantId,
    id,
    values.name,
    values.description,
    values.connector,
    JSON.stringify(values.settings),
    values.credential,
    values.idle_timeout_ms,
    values.timeout_ms,
    values.disabled,
    values.metadata === null ? null : JSON.stringify(values.metadata),
    values.tools === null ? null : JSON.stringify(values.tools),
    values.input_timeout_ms,
    values.mcp_servers === null ? null : JSON.stringify(values.mcp_servers),
  ];
}
