// API keys. Only the SHA-256 of the secret is stored.
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export { LockMode } from "@mikro-orm/core";

export const ApiKeyEntity = defineEntity({
  name: "ApiKey",
  tableName: "api_key",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    name: p.text().default(""),
    scopes: p.array(),
    secretHash: p.blob(),
    /** The secret before the last rotation, valid until `previousExpireTime`. */
    previousSecretHash: p.blob().nullable(),
    previousExpireTime: p.datetime(3).nullable(),
    creator: p.text(),
    createTime: p.datetime(3).defaultRaw("now()"),
    expireTime: p.datetime(3).nullable(),
    revokeTime: p.datetime(3).nullable(),
    lastUseTime: p.datetime(3).nullable(),
  },
});

export type ApiKey = InferEntity<typeof ApiKeyEntity>;
