// AuditService: the audit log.
import { create } from "@bufbuild/protobuf";
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { type AuditEntry, AuditEntrySchema, AuditSealSchema } from "../../../gen/colloquy/v1/audit_entry_pb.ts";
import * as pb from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { toAuditEntry } from "../../domain/audit/entry.ts";
import { invalidField } from "../../domain/errors.ts";
import { actorFilter, auditActorText } from "../../domain/identity/actor.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { HEARTBEAT_MS, heartbeatOf, withHeartbeats } from "../../pipeline/streams/heartbeat.ts";
import { type AuditRow, listAudit } from "../../store/audit/audit-log.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { toDate } from "../convert.ts";
import { paginate } from "../paginate.ts";
import { exportAudit } from "./export.ts";
import { verifyAudit } from "./verify.ts";

export interface AuditServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: (context: CallContext) => Promise<unknown>;
  /** How long an export is silent before it gives a heartbeat, in milliseconds. Default: 15,000. */
  readonly heartbeatMs?: number | undefined;
}

export function createAuditService(options: AuditServiceOptions): ServiceEntry {
  const { database, secrets, renew, heartbeatMs = HEARTBEAT_MS } = options;
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
        convert: toListed,
        key: ({ id }) => [id],
        heavy: true,
      });
      return { auditEntries: items, ...page };
    },

    exportAuditEntries({ afterSequence }, context) {
      const { tenantId } = callerFrom(context.principal);
      const entries = exportAudit(database, tenantId, afterSequence, context.interrupt, () => renew(context));
      const beat = heartbeatOf(pb.ExportAuditEntriesResponseSchema);
      return withHeartbeats<{ auditEntry?: AuditEntry | undefined }>(inResponses(entries), beat, heartbeatMs);
    },

    async verifyAudit({ afterSequence: seq, afterHash: hash }, { principal, interrupt }) {
      if ((seq === 0n) !== (hash === "")) {
        throw invalidField("after_hash", "must be set with after_sequence, and only then", "audit.after_hash");
      }
      const { tenantId } = callerFrom(principal);
      return verifyAudit(database, tenantId, seq === 0n ? undefined : { seq, hash }, interrupt);
    },
  });
}

async function* inResponses(entries: AsyncIterable<AuditEntry>) {
  for await (const auditEntry of entries) yield { auditEntry };
}

function toListed(row: AuditRow): AuditEntry {
  const entry = toAuditEntry(row);
  if (row.chainSeq == null) return entry;
  const hex = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString("hex");
  const hashes = { salt: hex(row.chainSalt), digest: hex(row.chainDigest), hash: hex(row.chainHash) };
  return { ...entry, seal: create(AuditSealSchema, { sequence: row.chainSeq, ...hashes }) };
}
