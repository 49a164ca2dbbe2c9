// What is known of what was erased: keyed hashes of ids, so that nothing brings it back.
import type { Queryable, Statement } from "../database.ts";

/**
 * An expression for the keyed hash of what a text names: `member:` or `conversation:` and its id. The key is the
 * tenant's secret. `$1` is the tenant.
 */
export function hashOf(text: string): string {
  return `(select sha256(keyed.secret || sha256(keyed.secret || convert_to(${text}, 'UTF8'))) from tenant keyed where keyed.id = $1)`;
}

/** A condition: the member with this id was erased. `$1` is the tenant. */
export function isErased(member: string): string {
  return `exists (select 1 from erased gone where gone.tenant_id = $1 and gone.hash = ${hashOf(`'member:' || ${member}`)})`;
}

/** $1 tenant, $2 `member:` or `conversation:` and the id. */
const insert: Statement = {
  name: "erased_insert",
  changes: true,
  text: `
  insert into erased (tenant_id, hash, create_time) select $1, ${hashOf("$2::text")}, date_trunc('milliseconds', now())
  on conflict do nothing`,
};

/** $1 tenant, $2 member. */
const remove: Statement = {
  name: "erased_delete",
  changes: true,
  text: `delete from erased e where e.tenant_id = $1 and e.hash = ${hashOf("'member:' || $2::text")}`,
};

/** $1 tenant, $2 texts. */
const find: Statement<{ text: string }> = {
  name: "erased_find",
  text: `
  select n.text from unnest($2::text[]) as n(text)
  where exists (select from erased any_gone where any_gone.tenant_id = $1)
    and exists (select from erased e where e.tenant_id = $1 and e.hash = ${hashOf("n.text")})`,
};

export async function buryMember(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query(insert, [tenantId, `member:${id}`]);
}

export async function buryConversation(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query(insert, [tenantId, `conversation:${id}`]);
}

/** Lets a member's id be used again, after its erasure was cancelled. */
export async function digUpMember(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query(remove, [tenantId, id]);
}

/** Which of some members and conversations were erased. */
export async function findErased(
  on: Queryable,
  tenantId: string,
  members: Iterable<string>,
  conversations: Iterable<string>,
): Promise<{ readonly members: ReadonlySet<string>; readonly conversations: ReadonlySet<string> }> {
  const texts = [
    ...[...new Set(members)].map((id) => `member:${id}`),
    ...[...new Set(conversations)].map((id) => `conversation:${id}`),
  ];
  const rows = texts.length === 0 ? [] : await on.query(find, [tenantId, texts]);
  const of = (kind: string) =>
    new Set(rows.filter(({ text }) => text.startsWith(kind)).map(({ text }) => text.slice(kind.length)));
  return { members: of("member:"), conversations: of("conversation:") };
}
