// The files of a tenant whose bytes are to be there.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable, Statement } from "../database.ts";
import { IS_KEPT } from "./access.ts";

const PAGE = 1_000;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

/** $1 tenant, $2 after id, $3 limit. */
const keptIds: Statement<{ id: string }> = {
  name: "file_kept_ids",
  text: `select f.id from file f where f.tenant_id = $1 and f.id > $2::uuid and ${IS_KEPT} order by f.id limit $3`,
};

/** In the order of their ids, read page by page. */
export async function* eachKeptFile(on: Queryable, tenantId: string, signal?: Interrupt): AsyncGenerator<string> {
  for (let after: string | undefined = BEFORE_ALL; after !== undefined; ) {
    const rows: { id: string }[] = await on.query(keptIds, [tenantId, after, PAGE], signal);
    for (const { id } of rows) yield id;
    after = rows.length < PAGE ? undefined : rows.at(-1)?.id;
  }
}
