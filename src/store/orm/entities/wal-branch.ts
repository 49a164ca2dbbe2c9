// The one row that names the history of the database. It belongs to no tenant.
import { defineEntity, p } from "@mikro-orm/core";

export const WalBranchEntity = defineEntity({
  name: "WalBranch",
  tableName: "wal_branch",
  properties: {
    one: p.boolean().primary(),
    /** 16 hexadecimal digits. */
    id: p.text(),
    /** The cluster, and its timeline as eight hexadecimal digits: where one of them is another, so is the history. */
    system: p.text(),
    timeline: p.text(),
  },
});
