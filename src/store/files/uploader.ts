// Who uploads. An upload may take long: whether its caller may still call is looked at again where what it brought is
// kept.
import type { Principal } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { Queryable, Statement } from "../database.ts";

export interface Uploader {
  /** The member that uploads, or for which a key does; null for a key on its own. */
  readonly memberId: string | null;
  /** Null for a member's own token. */
  readonly keyId: string | null;
}

export function uploaderOf(principal: Principal): Uploader {
  if (principal.kind === "anonymous") return { memberId: null, keyId: null };
  const keyId = principal.kind === "key" && isOurId(principal.keyId) ? principal.keyId : null;
  return { memberId: principal.memberId ?? null, keyId };
}

const memberStays = (member: string, lock = "") =>
  `(${member}::text is null or exists (
      select from member m where m.tenant_id = $1 and m.id = ${member}::text and m.delete_time is null ${lock}))`;
const keyStays = (key: string, lock = "") =>
  `(${key}::uuid is null or exists (
      select from api_key k where k.tenant_id = $1 and k.id = ${key}::uuid and k.revoke_time is null ${lock}))`;

/**
 * A condition: the member is neither deleted nor erased, and the key not revoked; both stay so until the transaction
 * ends. `$1` is the tenant.
 *
 * @param member an expression for the member, or null
 * @param key an expression for the key, or null
 */
export function uploaderStays(member: string, key: string): string {
  return `${memberStays(member, "for share of m")} and ${keyStays(key, "for share of k")}`;
}

/** $1 tenant, $2 member, $3 key. */
const find: Statement<{ member: boolean; key: boolean }> = {
  name: "uploader_find",
  text: `select ${memberStays("$2")} as member, ${keyStays("$3")} as key`,
};

/** Which of the two has gone; undefined: none. */
export async function goneOf(
  on: Queryable,
  tenantId: string,
  { memberId, keyId }: Uploader,
): Promise<"member" | "key" | undefined> {
  const [row] = await on.query(find, [tenantId, memberId, keyId]);
  if (row?.key === false) return "key";
  return row?.member === false ? "member" : undefined;
}
