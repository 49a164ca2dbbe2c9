// The branches of conversations.
import { defineEntity, p } from "@mikro-orm/core";

export const BranchRunEntity = defineEntity({
  name: "BranchRun",
  tableName: "branch_run",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    fromSeq: p.bigint().primary(),
    /** The largest bigint: it goes on. */
    toSeq: p.bigint(),
    /** The entry that its first one follows; 0: none. */
    parentSeq: p.bigint(),
    /** The conversation whose log it is. */
    sourceId: p.uuid(),
    /** Of another conversation: as it was then. */
    asOf: p.datetime(3).nullable(),
  },
});

export const LiveSegmentEntity = defineEntity({
  name: "LiveSegment",
  tableName: "live_segment",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    fromSeq: p.bigint().primary(),
    toSeq: p.bigint(),
    sourceId: p.uuid(),
    asOf: p.datetime(3).nullable(),
  },
});
