// Which members are here.
import { defineEntity, p } from "@mikro-orm/core";

export const PresenceEntity = defineEntity({
  name: "Presence",
  tableName: "presence",
  properties: {
    tenantId: p.uuid().primary(),
    memberId: p.text().primary(),
    /** 1 automatic, 2 away, 3 hidden. */
    mode: p.smallint().default(1),
    lastSeenTime: p.datetime(3).nullable(),
  },
});

export const PresenceLeaseEntity = defineEntity({
  name: "PresenceLease",
  tableName: "presence_lease",
  properties: {
    tenantId: p.uuid().primary(),
    server: p.uuid().primary(),
    /** When it was renewed last. */
    seenTime: p.datetime(3),
    expireTime: p.datetime(3),
  },
});

export const PresenceSessionEntity = defineEntity({
  name: "PresenceSession",
  tableName: "presence_session",
  properties: {
    tenantId: p.uuid().primary(),
    memberId: p.text().primary(),
    server: p.uuid().primary(),
  },
});
