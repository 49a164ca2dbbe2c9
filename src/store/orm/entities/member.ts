// Members of a tenant: people, leads and services, by the id of their identity provider.
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const MemberEntity = defineEntity({
  name: "Member",
  tableName: "member",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.text().primary(),
    /** 1 user, 2 lead, 3 service. */
    kind: p.smallint().default(1),
    /** 1 lead, 2 member, 3 manager, 4 admin, 5 super admin. */
    role: p.smallint().default(2),
    managerId: p.text().nullable(),
    displayName: p.text().default(""),
    metadata: p.json().nullable(),
    version: p.integer().default(1),
    createTime: p.datetime(3).defaultRaw("now()"),
    updateTime: p.datetime(3).defaultRaw("now()"),
    deleteTime: p.datetime(3).nullable(),
  },
});

export type Member = InferEntity<typeof MemberEntity>;
