// AuditService: the audit log.
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { AuditEntrySchema } from "../../../gen/colloquy/v1/audit_entry_pb.ts";
import * as pb from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { actorFilter, auditActorText } from "../../domain/identity/actor.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { listAudit } from "../../store/audit/audit-log.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { toDate } from "../convert.ts";
import { paginate } from "../paginate.ts";
import { toAuditEntry } from "./convert.ts";

export interface AuditServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

export function createAuditService({ database, secrets }: AuditServiceOptions): ServiceEntry {
  return serve(pb.AuditService, {
    async listAuditEntries(request, { principal }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListAuditEntriesRequestSchema, request, {
        item: AuditEntrySchema,
        read({ after: [before] = [], limit }) {
          const actor = actorFilter("actor", request.actor);
          return listAudit(database, caller.tenantId, {
            actor: actor && auditActorText(actor),
            // Whomever an API key acted for, unless the request says for whom.
            forAnyone: actor?.type === ActorType.API_KEY && actor.actingFor === undefined,
            action: request.action || undefined,
            resourceType: request.resourceType || undefined,
            resourceId: request.resourceId || undefined,
            start: request.startTime && toDate(request.startTime),
            end: request.endTime && toDate(request.endTime),
            before,
            limit,
          });
        },
        convert: toAuditEntry,
        key: ({ id }) => [id],
        heavy: true,
      });
      return { auditEntries: items, ...page };
    },
  });
}
