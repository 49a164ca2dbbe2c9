// Records of calls: request ids and the audit log.
import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

export const IdempotencyEntity = defineEntity({
  name: "Idempotency",
  tableName: "idempotency",
  properties: {
    tenantId: p.uuid().primary(),
    caller: p.text().primary(),
    method: p.text().primary(),
    key: p.text().primary(),
    fingerprint: p.blob(),
    /** The first response; null once its conversation is purged. */
    answer: p.blob().nullable(),
    /** The conversation of the response. */
    conversationId: p.uuid().nullable(),
    /** For sends, whose response follows from the request and these messages. */
    messageIds: p.array().columnType("uuid[]").nullable(),
    createTime: p.datetime(3).defaultRaw("now()"),
  },
});

export const AuditEntity = defineEntity({
  name: "Audit",
  tableName: "audit",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    actor: p.text(),
    action: p.text(),
    resourceType: p.text(),
    resourceId: p.text(),
    requestId: p.text(),
    address: p.text(),
    details: p.json<JsonObject>().nullable(),
    createTime: p.datetime(3).defaultRaw("now()"),
    /** The place in the tenant's chain of hashes; null: not sealed yet. */
    chainSeq: p.bigint("bigint").nullable(),
    /** Null: not sealed yet, or changed since by the erasure of a person. */
    chainSalt: p.blob().nullable(),
    chainDigest: p.blob().nullable(),
    chainHash: p.blob().nullable(),
  },
});

export const AuditChainEntity = defineEntity({
  name: "AuditChain",
  tableName: "audit_chain",
  properties: {
    tenantId: p.uuid().primary(),
    /** Of the entry that was sealed last. */
    seq: p.bigint().defaultRaw("0"),
    hash: p.blob(),
    /** Of the last entry that is not kept any more. */
    droppedSeq: p.bigint().defaultRaw("0"),
    droppedHash: p.blob(),
    /** The entry that says so. */
    dropId: p.uuid().nullable(),
  },
});
