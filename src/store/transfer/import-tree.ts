// Whether an imported conversation has a tree.
import type { Queryable, Statement } from "../database.ts";

/** $1 tenant, $2 conversation. */
const segmentedOf: Statement<{ segmented: boolean }> = {
  name: "import_segmented",
  text: "select c.segmented from conversation c where c.tenant_id = $1 and c.id = $2::uuid",
};

export async function readSegmented(tx: Queryable, tenantId: string, id: string): Promise<boolean> {
  return (await tx.query(segmentedOf, [tenantId, id]))[0]?.segmented ?? false;
}
