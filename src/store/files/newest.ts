// The newest file of a tenant, by which a server sees whether its folder has the files of the database.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable, Statement } from "../database.ts";

/** One that was just added may not show yet in a folder that comes over the network. $1 tenant. */
const newest: Statement<{ id: string }> = {
  name: "file_newest",
  text: `
  select f.id from file f
  where f.tenant_id = $1 and f.erase_time is null and f.create_time < now() - interval '1 minute'
  order by f.id desc limit 1`,
};

/** Undefined: the tenant has none that is a minute old. */
export async function newestFile(on: Queryable, tenantId: string, signal?: Interrupt): Promise<string | undefined> {
  return (await on.query(newest, [tenantId], signal))[0]?.id;
}
