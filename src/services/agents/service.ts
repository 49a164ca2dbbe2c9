// AgentService: a tenant's agents, and how they are reached.
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import { AgentSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import * as pb from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { Principal, Role } from "../../domain/identity/principal.ts";
import { newId } from "../../domain/ids/id.ts";
import { invalidPageToken } from "../../domain/lists/page-token.ts";
import { checkEtag, checkUpdateEtags } from "../../domain/updates/etag.ts";
import { fieldsToUpdate, refuseNothing } from "../../domain/updates/field-mask.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import * as store from "../../store/agents/agents.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import type { AgentRules } from "./check-url.ts";
import { toAgent } from "./convert.ts";
import { changedValues, newValues, updatableFields } from "./values.ts";

export interface AgentServiceOptions extends AgentRules {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

export function createAgentService({ database, secrets, ...rules }: AgentServiceOptions): ServiceEntry {
  const { method } = pb.AgentService;
  const { mutation } = createMutations(database);
  return serve(pb.AgentService, {
    createAgent: mutation(method.createAgent, async (tx, caller, request, context) => {
      const id = newId();
      const owner = { tenantId: caller.tenantId, id };
      const values = newValues(request.agent ?? create(AgentSchema), owner, rules);
      const row = await store.insertAgent(tx, caller.tenantId, id, values);
      if (row === undefined) throw nameTaken();
      await audit(tx, caller, context, actOn("agent.create", id));
      return { agent: toAgent(row, true) };
    }),

    async getAgent({ agentId }, { principal, interrupt }) {
      const row = await store.findAgent(database, callerFrom(principal).tenantId, agentId, interrupt);
      if (row === undefined) throw notFound("agent");
      return { agent: toAgent(row, mayConfigure(principal)) };
    },

    async listAgents(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      let edge: ReturnType<typeof edgeOf>;
      const { items, ...page } = await paginate(secrets, caller, pb.ListAgentsRequestSchema, request, {
        item: AgentSchema,
        read({ after, limit }) {
          edge = edgeOf(after);
          return store.listAgents(database, caller.tenantId, edge?.after, limit, interrupt);
        },
        convert: (row) => toAgent(row, mayConfigure(principal)),
        key: ({ id, name, late, moment }) => [id, name, late ? "late" : "", edge?.moment ?? moment],
      });
      return { agents: items, ...page };
    },

    updateAgent: mutation(method.updateAgent, async (tx, caller, request, context) => {
      const row = await store.lockAgent(tx, caller.tenantId, request.agentId);
      if (row === undefined) throw notFound("agent");
      const wanted = request.agent ?? create(AgentSchema);
      checkUpdateEtags(request, wanted, row.version);
      const mask = request.updateMask?.paths;
      const fields = fieldsToUpdate(AgentSchema, wanted, mask, updatableFields).filter(
        // `*` is what somebody sends who has read the agent, and what is read has no credential.
        (field) => field !== "credential" || wanted.credential !== "" || !mask?.includes("*"),
      );
      refuseNothing(fields, request.updateMask);
      const owner = { tenantId: caller.tenantId, id: row.id };
      const values = changedValues(row, wanted, fields, owner, rules);
      if (isDeepStrictEqual({ ...row, ...values }, row)) return { agent: toAgent(row, true) };
      const changed = await store.updateAgent(tx, caller.tenantId, row.id, values);
      if (changed === undefined) throw nameTaken();
      await audit(tx, caller, context, { ...actOn("agent.update", row.id), details: { fields } });
      return { agent: toAgent(changed, true) };
    }),

    deleteAgent: mutation(method.deleteAgent, async (tx, caller, request, context) => {
      const row = await store.lockAgent(tx, caller.tenantId, request.agentId);
      if (row === undefined) throw notFound("agent");
      checkEtag(request.etag, row.version);
      await store.deleteAgent(tx, caller.tenantId, row.id);
      await audit(tx, caller, context, actOn("agent.delete", row.id));
      return {};
    }),
  });
}

/** Where a page begins, and the moment of the first page, as the token says them. */
function edgeOf([id, name = "", late, moment]: readonly string[] = []) {
  if (id === undefined) return undefined;
  // Tokens of releases that went by names alone had one part.
  if (moment === undefined) throw invalidPageToken();
  return { moment, after: { id, name, late: late !== "", since: store.readMoment(moment) } };
}

function mayConfigure(principal: Principal): boolean {
  switch (principal.kind) {
    case "key": {
      const { scopes, memberId, memberRole } = principal;
      // One that acts for a member shows what that member may see.
      return scopes.has("admin") && (memberId === undefined || isAdmin(memberRole));
    }
    case "member":
      return isAdmin(principal.role);
    case "anonymous":
      return false;
  }
}

function isAdmin(role: Role | undefined): boolean {
  return role === "admin" || role === "super_admin";
}

function actOn(action: string, id: string) {
  return { action, resourceType: "agent", resourceId: id };
}

function nameTaken(): DomainError {
  return new DomainError(ErrorReason.ALREADY_EXISTS, "agent.name: an agent with this name exists already");
}
