// RetentionService: how long conversations are kept.
import { create } from "@bufbuild/protobuf";
import { RetentionPolicySchema, RetentionRunSchema } from "../../../gen/colloquy/v1/retention_pb.ts";
import * as pb from "../../../gen/colloquy/v1/retention_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/retention/policies.ts";
import { listRuns } from "../../store/retention/runs.ts";
import { toDate } from "../convert.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { ruleOf, toPolicy, toRun } from "./convert.ts";

export interface RetentionServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

/** Each conversation is compared with all of them. */
const MOST = 1_000;
const SAMPLES = 20;
/** After all ids: a preview comes after the policies with the same priority. */
const LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff";

export function createRetentionService({ database, secrets }: RetentionServiceOptions): ServiceEntry {
  const { method } = pb.RetentionService;
  const { mutation } = createMutations(database);
  return serve(pb.RetentionService, {
    createRetentionPolicy: mutation(method.createRetentionPolicy, async (tx, caller, request, context) => {
      const policy = request.retentionPolicy ?? create(RetentionPolicySchema);
      const rule = ruleOf(newId(), policy);
      const next = policy.nextRunTime === undefined ? null : toDate(policy.nextRunTime);
      const values = { ...rule, name: policy.displayName, next_run_time: next, creator: caller.name };
      const row = await store.insertPolicy(tx, caller.tenantId, values, MOST);
      if (row === undefined) {
        throw new DomainError(ErrorReason.QUOTA_EXCEEDED, `a tenant has at most ${MOST} retention policies`);
      }
      const details = {
        name: row.name,
        action: ["", "keep", "delete", "purge", "erase content"][row.action] ?? "",
        days: row.age_days,
      };
      await audit(tx, caller, context, { ...actOn("create", row.id), details });
      return { retentionPolicy: toPolicy(row) };
    }),

    async getRetentionPolicy({ retentionPolicyId: id }, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const row = isOurId(id) ? await store.readPolicy(database, tenantId, id, interrupt) : undefined;
      if (row === undefined) throw notFound("retention policy");
      return { retentionPolicy: toPolicy(row) };
    },

    async listRetentionPolicies(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListRetentionPoliciesRequestSchema, request, {
        item: RetentionPolicySchema,
        read: ({ after, limit }) => store.listPolicies(database, caller.tenantId, after, limit, interrupt),
        convert: toPolicy,
        key: ({ id, priority }) => [`${priority}`, id],
      });
      return { retentionPolicies: items, ...page };
    },

    deleteRetentionPolicy: mutation(
      method.deleteRetentionPolicy,
      async (tx, caller, { retentionPolicyId: id }, context) => {
        const name = isOurId(id) ? await store.deletePolicy(tx, caller.tenantId, id) : undefined;
        if (name === undefined) throw notFound("retention policy");
        await audit(tx, caller, context, { ...actOn("delete", id.toLowerCase()), details: { name } });
        return {};
      },
    ),

    async previewRetentionPolicy(request, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const rule = ruleOf(LAST, request.retentionPolicy ?? create(RetentionPolicySchema));
      const found = { conversationCount: 0n, messageCount: 0n, heldCount: 0n, conversationIds: [] as string[] };
      for await (const { due, messages, held } of store.windowsOf(database, tenantId, rule, null, interrupt)) {
        found.conversationCount += BigInt(due.length);
        found.messageCount += messages;
        found.heldCount += BigInt(held.length);
        found.conversationIds.push(...due.slice(0, SAMPLES - found.conversationIds.length));
      }
      return found;
    },

    async listRetentionRuns(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { retentionPolicyId: id } = request;
      if (id !== "" && !isOurId(id)) return {};
      const { items, ...page } = await paginate(secrets, caller, pb.ListRetentionRunsRequestSchema, request, {
        item: RetentionRunSchema,
        read: ({ after: [before] = [], limit }) =>
          listRuns(database, caller.tenantId, id || undefined, before, limit, interrupt),
        convert: toRun,
        key: (run) => [run.id],
      });
      return { retentionRuns: items, ...page };
    },
  });
}

function actOn(action: string, id: string) {
  return { action: `retention_policy.${action}`, resourceType: "retention_policy", resourceId: id };
}
