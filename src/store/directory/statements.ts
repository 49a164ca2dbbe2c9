// The statements about the members of a tenant.

import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isErased } from "../erasure/tombstones.ts";
import { forEachViewer, type ViewerKind, watchedMembers } from "../visibility.ts";

export interface MemberRow {
  readonly id: string;
  readonly display_name: string;
  readonly role: number;
  readonly manager_id: string | null;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
  readonly delete_time: Date | null;
}

const columns = "m.id, m.display_name, m.role, m.manager_id, m.version, m.create_time, m.update_time, m.delete_time";

/** A condition on member `m`: the viewer sees it. `$1` is the tenant, `$2` the viewer. */
function seen(kind: ViewerKind): string {
  return kind === "tenant" ? "($2::text is null or true)" : `m.id in (${watchedMembers(kind)})`;
}

/** $1 tenant, $2 caller, $3 member, $4 whether deleted ones too. */
export const getMember = forEachViewer<MemberRow>(
  "member_get",
  (kind) => `
  select ${columns} from member m
  where m.tenant_id = $1 and m.id = $3 and ($4 or m.delete_time is null) and ${seen(kind)}`,
);

const listed = (kind: ViewerKind, which = "") => `
  select ${columns} from member m
  where m.tenant_id = $1 and ($3::boolean is null or (m.delete_time is not null) = $3) and ($4::smallint is null or m.role = $4)
    and ($5::text is null or m.manager_id = $5) and ($6::text is null or m.id > $6::text collate "C") and ${seen(kind)}${which}
  order by m.id limit $7`;

/**
 * $1 tenant, $2 caller, $3 deleted ones or others or null, $4 role or null, $5 manager or null, $6 id after or null, $7
 * limit.
 */
export const listMembers = forEachViewer<MemberRow>("member_list", (kind) => listed(kind), { maxBytes: PAGE_BYTES });

/** The same among these, which it looks up instead of reading all. $1 to $7 as above, $8 ids. */
export const listNamedMembers = forEachViewer<MemberRow>(
  "member_list_named",
  (kind) => listed(kind, ` and m.id = any($8::text[] collate "C")`),
  { maxBytes: PAGE_BYTES },
);

/** Locks a member until the transaction ends. $1 tenant, $2 member. */
export const lockMember: Statement<MemberRow> = {
  name: "member_lock",
  text: `select ${columns} from member m where m.tenant_id = $1 and m.id = $2 for no key update`,
};

/**
 * Writes a member, and restores a deleted one. No row: it was erased. $1 tenant, $2 member, $3 name, $4 role, $5
 * manager or null.
 */
export const writeMember: Statement<MemberRow> = {
  name: "member_write",
  text: `
  insert into member as m (tenant_id, id, display_name, role, manager_id, update_time)
  select $1, $2::text, $3, $4::smallint, $5, now() where not ${isErased("$2::text")}
  on conflict (tenant_id, id) do update set display_name = excluded.display_name, role = excluded.role,
    manager_id = excluded.manager_id, delete_time = null, version = m.version + 1, update_time = excluded.update_time
  returning ${columns}`,
};

/** Deletes a member and removes it from the hierarchy. $1 tenant, $2 member. */
export const deleteMember: Statement<MemberRow> = {
  name: "member_delete",
  text: `
  with freed as (
    update member s set manager_id = null, version = s.version + 1, update_time = now()
    where s.tenant_id = $1 and s.manager_id = $2 and s.id <> $2
  )
  update member m set delete_time = now(), manager_id = null, version = m.version + 1, update_time = now()
  where m.tenant_id = $1 and m.id = $2 returning ${columns}`,
};

/**
 * Serializes changes of the hierarchy, because two concurrent ones could create a cycle together. Does not block rows
 * that only reference the tenant. $1 tenant.
 */
export const lockHierarchy: Statement = {
  name: "member_hierarchy_lock",
  text: "select t.id from tenant t where t.id = $1 for no key update",
};

/** Whether a member is the other or above it, at any depth. $1 tenant, $2 member, $3 the other. */
export const isAbove: Statement<{ above: boolean }> = {
  name: "member_is_above",
  text: `
  with recursive line(id) as (
    select $3::text collate "C"
    union
    select m.manager_id from member m join line on m.id = line.id where m.tenant_id = $1 and m.manager_id is not null
  ) select exists (select from line where line.id = $2) as above`,
};
