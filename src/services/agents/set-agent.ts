// Creates an agent, or updates the one with that name: declarative, for the command line.
import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import * as store from "../../store/agents/agents.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { Queryable } from "../../store/database.ts";
import type { AgentRules } from "./check-url.ts";
import { changedValues, newValues } from "./values.ts";

/** Answers the agent's id. A credential that is not given stays as it is. Throws INVALID_FIELD. */
export async function setAgent(
  tx: Queryable,
  caller: Caller,
  origin: AuditOrigin,
  agent: Agent,
  rules: AgentRules,
): Promise<string> {
  const { tenantId } = caller;
  const row = await store.lockAgent(tx, tenantId, agent.name);
  const id = row?.id ?? newId();
  const owner = { tenantId, id };
  if (row === undefined) {
    await store.insertAgent(tx, tenantId, id, newValues(agent, owner, rules));
    await audit(tx, caller, origin, { action: "agent.create", resourceType: "agent", resourceId: id });
    return id;
  }
  const fields = agent.credential === "" ? (["echo"] as const) : (["echo", "credential"] as const);
  const values = changedValues(row, agent, fields, owner, rules);
  if (isDeepStrictEqual({ ...row, ...values }, row)) return id;
  await store.updateAgent(tx, tenantId, id, values);
  await audit(tx, caller, origin, { action: "agent.update", resourceType: "agent", resourceId: id });
  return id;
}
