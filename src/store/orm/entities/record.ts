// What is kept about calls: request ids that were used, and who did what.
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
    /** The whole first answer; null once its conversation is purged. */
    answer: p.blob().nullable(),
    /** What the answer is about. */
    conversationId: p.uuid().nullable(),
    /** For sends, whose answer follows from the request and these messages. */
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
  },
});
