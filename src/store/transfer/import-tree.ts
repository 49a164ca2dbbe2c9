// What an import needs to know of the trees of conversations.
import type { Queryable, Statement } from "../database.ts";

interface TreeRow {
  readonly segmented: boolean;
  readonly last_seq: bigint;
}

/** $1 tenant, $2 conversation. */
const treeOf: Statement<TreeRow> = {
  name: "import_tree",
  text: "select c.segmented, c.last_seq from conversation c where c.tenant_id = $1 and c.id = $2::uuid",
};

/** Undefined: there is no such conversation. */
export async function readTreeRow(tx: Queryable, tenantId: string, id: string): Promise<TreeRow | undefined> {
  return (await tx.query(treeOf, [tenantId, id]))[0];
}
