// Legal holds.
import { defineEntity, p } from "@mikro-orm/core";

export const LegalHoldEntity = defineEntity({
  name: "LegalHold",
  tableName: "legal_hold",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    name: p.text(),
    reason: p.text(),
    /** 1 the whole tenant, 2 a member, 3 a conversation, 4 the conversations that match what comes after its id. */
    kind: p.smallint(),
    memberId: p.text().nullable(),
    conversationId: p.uuid().nullable(),
    entityType: p.text().nullable(),
    mode: p.text().nullable(),
    callType: p.smallint().nullable(),
    agent: p.text().nullable(),
    status: p.smallint().nullable(),
    labels: p.json<Record<string, string>>().nullable(),
    ownerRole: p.smallint().nullable(),
    twoPerson: p.boolean(),
    creator: p.text(),
    createTime: p.datetime(3),
    lifter: p.text().nullable(),
    liftTime: p.datetime(3).nullable(),
    liftReason: p.text().nullable(),
  },
});
