// What is written and not yet sent.
import { defineEntity, p } from "@mikro-orm/core";

export const DraftEntity = defineEntity({
  name: "Draft",
  tableName: "draft",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** Whose it is. */
    actor: p.text().primary(),
    /** As Protobuf. */
    message: p.blob(),
    updateTime: p.datetime(3),
    /** Files that it names. */
    fileIds: p.array().columnType("uuid[]").defaultRaw("'{}'"),
  },
});

export const ScheduledMessageEntity = defineEntity({
  name: "ScheduledMessage",
  tableName: "scheduled_message",
  properties: {
    tenantId: p.uuid().primary(),
    /** The id of the message, once it is sent. */
    id: p.uuid().primary(),
    conversationId: p.uuid(),
    actor: p.text(),
    /** The caller, as idempotency names it. */
    scheduler: p.text(),
    /** As Protobuf. */
    message: p.blob(),
    sendTime: p.datetime(3),
    /** 1: waits. 2: failed. */
    state: p.smallint().default(1),
    failure: p.text().default(""),
    version: p.integer().default(0),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
    /** Files that it names. */
    fileIds: p.array().columnType("uuid[]").defaultRaw("'{}'"),
  },
});
