// Keys that all servers share. They belong to no tenant.
import { defineEntity, p } from "@mikro-orm/core";

export const ServerKeyEntity = defineEntity({
  name: "ServerKey",
  tableName: "server_key",
  properties: {
    /** `signing` or `sealing`. */
    purpose: p.text().primary(),
    value: p.blob(),
    /** Whether the operator's key wraps it. */
    wrapped: p.boolean(),
    updateTime: p.datetime(3).defaultRaw("now()"),
  },
});
