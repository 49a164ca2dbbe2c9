// Entries of the audit log as the contract has them.
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type AuditEntry, AuditEntrySchema } from "../../../gen/colloquy/v1/audit_entry_pb.ts";
import { toAuditActor } from "../identity/actor.ts";

export interface AuditEntryRow {
  readonly id: string;
  readonly actor: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly requestId: string;
  readonly address: string;
  readonly details?: object | null | undefined;
  readonly createTime: Date;
}

/** Without its seal. */
export function toAuditEntry(row: AuditEntryRow): AuditEntry {
  const { id, actor, action, resourceType, resourceId, address, requestId } = row;
  const createTime = timestampFromDate(row.createTime);
  const details = Object.entries(row.details ?? {}).map(([name, value]) => [name, textOf(value)]);
  return create(AuditEntrySchema, {
    ...{ id, createTime, actor: toAuditActor(actor), action, resourceType, resourceId, address, requestId },
    details: Object.fromEntries(details),
  });
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
