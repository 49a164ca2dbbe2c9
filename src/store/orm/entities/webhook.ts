// Webhook endpoints, how far each is, and the latest attempts.
import { defineEntity, p } from "@mikro-orm/core";

export const WebhookEndpointEntity = defineEntity({
  name: "WebhookEndpoint",
  tableName: "webhook_endpoint",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    description: p.text().default(""),
    url: p.text(),
    /** Encrypted. */
    headers: p.blob().nullable(),
    headerNames: p.array().defaultRaw("'{}'"),
    eventTypes: p.array().defaultRaw("'{}'"),
    /** The filter; null: any. */
    conversationId: p.uuid().nullable(),
    ownerId: p.text().nullable(),
    agent: p.text().nullable(),
    entityType: p.text().nullable(),
    mode: p.text().nullable(),
    ordered: p.boolean().default(true),
    batchSize: p.integer().default(1),
    timeoutMs: p.integer(),
    /** Encrypted. */
    secret: p.blob(),
    previousSecret: p.blob().nullable(),
    previousSecretExpireTime: p.datetime(3).nullable(),
    state: p.smallint().default(1),
    stateReason: p.text().default(""),
    version: p.integer().default(1),
    createTime: p.datetime(3).defaultRaw("now()"),
    updateTime: p.datetime(3).defaultRaw("now()"),
  },
});

export const WebhookProgressEntity = defineEntity({
  name: "WebhookProgress",
  tableName: "webhook_progress",
  properties: {
    tenantId: p.uuid().primary(),
    endpointId: p.uuid().primary(),
    /** The place in the feed: everything before it was taken. */
    position: p.bigint(),
    seq: p.bigint(),
    /** The place in the replay that comes first; null: there is none. */
    replayAfter: p.text().nullable(),
    /** Entries of the replay are of then or later. */
    replayTime: p.datetime(3).nullable(),
    /** Where the batch ends that was begun. */
    batchEnd: p.text().nullable(),
    /** Which server delivers. */
    server: p.uuid().nullable(),
    leaseTime: p.datetime(3).defaultRaw("'-infinity'"),
    /** Moves when another server begins. */
    epoch: p.integer().default(0),
    failures: p.integer().default(0),
    failingSince: p.datetime(3).nullable(),
    nextAttemptTime: p.datetime(3).nullable(),
    lastSuccessTime: p.datetime(3).nullable(),
    lastFailureTime: p.datetime(3).nullable(),
  },
});

export const WebhookAttemptEntity = defineEntity({
  name: "WebhookAttempt",
  tableName: "webhook_attempt",
  properties: {
    tenantId: p.uuid().primary(),
    endpointId: p.uuid().primary(),
    id: p.uuid().primary(),
    webhookId: p.text(),
    outcome: p.smallint(),
    status: p.integer(),
    durationMs: p.integer(),
    error: p.text(),
    responseBody: p.text(),
    eventCount: p.integer(),
    conversationId: p.uuid().nullable(),
    seq: p.bigint().nullable(),
    nextAttemptTime: p.datetime(3).nullable(),
    createTime: p.datetime(3).defaultRaw("now()"),
  },
});
