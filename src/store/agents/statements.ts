// The statements about agents.

import type { JsonObject } from "@bufbuild/protobuf";
import type { StoredMcpServer, StoredTool } from "../../domain/turns/agent-tool.ts";
import { changedSince, MOMENT } from "../changed-since.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";

export type ConnectorName = "echo" | "openai" | "connect" | "anthropic" | "a2a";

export interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly connector: ConnectorName;
  readonly settings: JsonObject;
  /** Encrypted. */
  readonly credential: Buffer | null;
  readonly idle_timeout_ms: number;
  readonly timeout_ms: number;
  readonly disabled: boolean;
  readonly metadata: JsonObject | null;
  readonly tools: readonly StoredTool[] | null;
  readonly mcp_servers: readonly StoredMcpServer[] | null;
  readonly input_timeout_ms: number;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
}

const columns = `a.id, a.name, a.description, a.connector, a.settings, a.credential, a.idle_timeout_ms, a.timeout_ms,
  a.disabled, a.metadata, a.tools, a.mcp_servers, a.input_timeout_ms, a.version, a.create_time, a.update_time`;

/**
 * An agent by its id or name; an id takes precedence over another agent's name. $1 tenant, $2 id or name, $3 the same
 * as an id, or null.
 */
export const findAgent: Statement<AgentRow> = {
  name: "agent_find",
  text: `
  select ${columns} from agent a where a.tenant_id = $1 and (a.id = $3::uuid or a.name = $2::text)
  order by (a.id = $3::uuid) is true desc limit 1`,
};

/** The same, locked until the transaction ends. */
export const lockAgent: Statement<AgentRow> = {
  name: "agent_lock",
  text: `${findAgent.text} for update of a`,
};

export interface ListedAgentRow extends AgentRow {
  /** The moment of the statement. */
  readonly moment: string;
  /** Whether it has changed since the first page, and is repeated at the end. */
  readonly late: boolean;
}

/** The first page, by name. $1 tenant, $2 limit. */
export const listAgents: Statement<ListedAgentRow> = {
  name: "agent_list",
  text: `
  select ${columns}, ${MOMENT} as moment, false as late from agent a
  where a.tenant_id = $1 order by a.name limit $2`,
  maxBytes: PAGE_BYTES,
};

/**
 * A later page. A new name may sort before the pages that were read: agents that changed since the first page come at
 * the end, by id. $1 tenant, $2 limit, $3 name and $4 id of the last of the page before, $5 whether that was at the
 * end, $6 and $7 the moment of the first page.
 */
export const listMoreAgents: Statement<ListedAgentRow> = {
  name: "agent_list_more",
  text: `
  select ${columns}, ${MOMENT} as moment, a.late from (
    select a.*, ($5::boolean or a.name <= $3) as late, ${changedSince("a", "$6", "$7")} as changed
    from agent a where a.tenant_id = $1
  ) a
  where not a.late or (a.changed and (not $5::boolean or a.id > $4::uuid))
  order by a.late, case when not a.late then a.name end, a.id limit $2`,
  maxBytes: PAGE_BYTES,
};

/**
 * Adds an agent. No row: another agent has the name.
 * $1 tenant, $2 id, $3 name, $4 description, $5 connector, $6 settings, $7 credential, $8 idle timeout, $9 timeout,
 * $10 disabled, $11 metadata, $12 tools, $13 input timeout, $14 MCP servers.
 */
export const insertAgent: Statement<AgentRow> = {
  name: "agent_insert",
  text: `
  insert into agent as a (tenant_id, id, name, description, connector, settings, credential, idle_timeout_ms, timeout_ms,
    disabled, metadata, tools, input_timeout_ms, mcp_servers)
  values ($1, $2::uuid, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13, $14::jsonb)
  on conflict (tenant_id, name) do nothing
  returning ${columns}`,
};

/** The same parameters. Breaks the unique index on names if another agent has the name. */
export const updateAgent: Statement<AgentRow> = {
  name: "agent_update",
  text: `
  update agent a set name = $3, description = $4, connector = $5, settings = $6::jsonb, credential = $7,
    idle_timeout_ms = $8, timeout_ms = $9, disabled = $10, metadata = $11::jsonb, tools = $12::jsonb, input_timeout_ms = $13,
    mcp_servers = $14::jsonb, version = a.version + 1,
    update_time = greatest(a.update_time, date_trunc('milliseconds', statement_timestamp()))
  where a.tenant_id = $1 and a.id = $2::uuid
  returning ${columns}`,
};

/** $1 tenant, $2 id. */
export const deleteAgent: Statement = {
  name: "agent_delete",
  text: "delete from agent a where a.tenant_id = $1 and a.id = $2::uuid",
};
