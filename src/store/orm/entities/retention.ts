// Retention policies and their runs.
import { defineEntity, p } from "@mikro-orm/core";

export const RetentionPolicyEntity = defineEntity({
  name: "RetentionPolicy",
  tableName: "retention_policy",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    name: p.text(),
    priority: p.integer(),
    /** 1 keep, 2 delete, 3 purge, 4 erase the content. */
    action: p.smallint(),
    /** 1 the last message, 2 the creation, 3 the deletion. */
    basis: p.smallint(),
    ageDays: p.integer(),
    entityType: p.text().nullable(),
    mode: p.text().nullable(),
    callType: p.smallint().nullable(),
    agent: p.text().nullable(),
    status: p.smallint().nullable(),
    labels: p.json<Record<string, string>>().nullable(),
    ownerRole: p.smallint().nullable(),
    nextRunTime: p.datetime(3).nullable(),
    creator: p.text(),
    createTime: p.datetime(3),
  },
});

export const RetentionRunEntity = defineEntity({
  name: "RetentionRun",
  tableName: "retention_run",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    policyId: p.uuid(),
    name: p.text(),
    startTime: p.datetime(3),
    /** When it was last seen to go on. */
    renewTime: p.datetime(3),
    endTime: p.datetime(3).nullable(),
    /** The conversation up to which it has come. */
    lastId: p.uuid().nullable(),
    deleted: p.bigint().defaultRaw("0"),
    purged: p.bigint().defaultRaw("0"),
    erased: p.bigint().defaultRaw("0"),
    held: p.bigint().defaultRaw("0"),
    failed: p.bigint().defaultRaw("0"),
  },
});
