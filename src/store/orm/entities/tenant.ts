// Tenants.
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export { LockMode } from "@mikro-orm/core";

export const TenantEntity = defineEntity({
  name: "Tenant",
  tableName: "tenant",
  properties: {
    id: p.uuid().primary(),
    slug: p.text().unique("tenant_slug_key"),
    name: p.text().default(""),
    /** Encrypts page tokens. */
    secret: p.blob(),
    lastConversationNumber: p.bigint().defaultRaw("0"),
    /** Whether members have no presence. */
    presenceOff: p.boolean().default(false),
    /** How long audit entries are kept; 0: for ever. */
    auditRetentionDays: p.integer().default(0),
    /** Who reads without taking part: 1 all who see it, 2 the same, audited, 3 nobody. */
    outsideReads: p.smallint().default(1),
    createTime: p.datetime(3).defaultRaw("now()"),
    updateTime: p.datetime(3).defaultRaw("now()"),
  },
});

export type Tenant = InferEntity<typeof TenantEntity>;
