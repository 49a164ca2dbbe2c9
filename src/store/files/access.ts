// Who sees a file: the condition that every statement about files has.
import { type ViewerKind, visible } from "../visibility.ts";

/** A condition on file `f`: it is there for whoever may see it. */
export const IS_KEPT = "f.erase_time is null and (f.expire_time is null or f.expire_time > now())";

/**
 * A condition on file `f`: the caller sees it. Before a message names it, its uploader does, or of one that an agent
 * made whoever sees the conversation; then whoever sees one of the messages that name it, be it as a part of a fork,
 * and nobody else. `$1` is the tenant.
 *
 * @param viewer an expression for the member whose conversations are seen, as in `visible`
 * @param actor an expression for the caller as an actor
 */
export function seesFile(kind: ViewerKind, viewer: string, actor: string): string {
  return `(${IS_KEPT} and (
    (not f.named and f.uploader = ${actor})
    or (not f.named and f.conversation_id is not null and exists (
      select from conversation c
      where c.tenant_id = $1 and c.id = f.conversation_id and c.delete_time is null and ${visible(kind, viewer)}))
    or exists (
      select from file_use u
      join message m on m.tenant_id = $1 and m.conversation_id = u.conversation_id and m.seq = u.seq
      join conversation c on c.tenant_id = $1 and c.id = u.conversation_id
      where u.tenant_id = $1 and u.file_id = f.id and m.delete_time is null and c.delete_time is null
        and ${visible(kind, viewer)})
    or exists (
      select from file_use u
      join message m on m.tenant_id = $1 and m.conversation_id = u.conversation_id and m.seq = u.seq
      join conversation o on o.tenant_id = $1 and o.id = u.conversation_id
      join branch_run s on s.tenant_id = $1 and s.source_id = u.conversation_id and s.source_id <> s.conversation_id
        and s.from_seq <= u.seq and s.to_seq >= u.seq and u.create_time <= s.as_of
      join conversation c on c.tenant_id = $1 and c.id = s.conversation_id
      where u.tenant_id = $1 and u.file_id = f.id and m.delete_time is null and o.delete_time is null
        and c.delete_time is null and ${visible(kind, viewer)})))`;
}

/** `tenant.outside_reads` where nobody reads from outside. */
const NEVER = 3;

/**
 * A condition on file `f`: the caller may let a message name it. Whoever names a file reads it from then on, and so do
 * all who see the message: where nobody reads from outside, nobody names what no member in their place would see. In
 * the statement, so that all ways of naming hold to it, and at once. The arguments are those of {@link seesFile}.
 */
export function mayNameFile(kind: ViewerKind, viewer: string, actor: string): string {
  const seen = seesFile(kind, viewer, actor);
  if (kind === "member") return seen;
  return `(${seen} and (${actor} like 'system:%'
    or (select t.outside_reads from tenant t where t.id = $1) <> ${NEVER}
    or ${seesFile("member", viewer, actor)}))`;
}
