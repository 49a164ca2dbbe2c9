// The store of the access layer: keys, tenants and members, each in one round trip.
import type { OutsideReads } from "../../../gen/colloquy/v1/tenant_pb.ts";
import type { KeyStore, MemberRecord, MemberStore, TenantStore } from "../../access/store-interfaces.ts";
import { ROLES, type Role, SCOPES } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { Database, Queryable, Statement } from "../database.ts";
import { isErased } from "../erasure/tombstones.ts";

interface KeyRow {
  readonly scopes: readonly string[];
  readonly secret_hash: Buffer;
  readonly previous_secret_hash: Buffer | null;
  readonly previous_expire_time: Date | null;
  readonly expire_time: Date | null;
  readonly revoke_time: Date | null;
}

/** $1 tenant, $2 key. */
const findKey: Statement<KeyRow> = {
  name: "access_key",
  text: `
  select k.scopes, k.secret_hash, k.previous_secret_hash, k.previous_expire_time, k.expire_time, k.revoke_time
  from api_key k where k.tenant_id = $1 and k.id = $2::uuid`,
};

/** $1 tenant, $2 keys, $3 when each was used. */
const touchKeys: Statement = {
  name: "access_key_touch",
  text: `
  update api_key k set last_use_time = u.time
  from unnest($2::uuid[], $3::timestamptz[]) u(id, time)
  where k.tenant_id = $1 and k.id = u.id and (k.last_use_time is null or k.last_use_time < u.time)`,
};

interface TenantRow {
  readonly id: string;
  readonly slug: string;
  readonly outsideReads: OutsideReads;
}

const tenantById: Statement<TenantRow> = {
  name: "access_tenant_id",
  text: `select t.id, t.slug, t.outside_reads as "outsideReads" from tenant t where t.id = $1::uuid`,
};

/** Where tables are distributed, which node has the tenant is known by its id: the rest is null. */
const tenantBySlug: Statement<TenantRow | { id: string; slug: null }> = {
  name: "access_tenant_slug",
  text: `select t.id, t.slug, t.outside_reads as "outsideReads" from tenant t where t.slug = $1`,
  sharded: "select s.tenant_id as id, null as slug from tenant_slug s where s.slug = $1",
};

interface AccessMemberRow {
  readonly id: string;
  readonly role: number;
  readonly deleted: boolean;
}

/** $1 tenant, $2 member. */
const findMember: Statement<AccessMemberRow> = {
  name: "access_member",
  text: `
  select m.id, m.role, m.delete_time is not null as deleted from member m where m.tenant_id = $1 and m.id = $2`,
};

/**
 * One statement for all cases; the second part reads what was there before, the third one that was erased, which is as
 * deleted. $1 tenant, $2 member, $3 role.
 */
const ensureMember: Statement<AccessMemberRow> = {
  name: "access_member_ensure",
  text: `
  with made as (
    insert into member (tenant_id, id, role) select $1, $2::text, $3::smallint where not ${isErased("$2::text")}
    on conflict (tenant_id, id) do nothing
    returning id, role
  )
  select made.id, made.role, false as deleted from made
  union all
  select m.id, m.role, m.delete_time is not null from member m where m.tenant_id = $1 and m.id = $2
  union all
  select $2::text, 2::smallint, true where ${isErased("$2::text")}
    and not exists (select 1 from member o where o.tenant_id = $1 and o.id = $2)`,
};

/** The number under which a role is stored. */
export function roleNumber(role: Role): number {
  return ROLES.indexOf(role) + 1;
}

/** The role of a number that is stored. */
export function roleOfNumber(number: number): Role {
  return ROLES[number - 1] ?? "member";
}

export function createKeyStore(database: Database): KeyStore {
  return {
    async find(tenantId, keyId) {
      const [row] = await database.query(findKey, [tenantId, keyId]);
      if (row === undefined) return undefined;
      const secrets = [{ hash: row.secret_hash, expiresAt: undefined as number | undefined }];
      if (row.previous_secret_hash !== null && row.previous_expire_time !== null) {
        secrets.push({ hash: row.previous_secret_hash, expiresAt: row.previous_expire_time.getTime() });
      }
      return {
        tenantId,
        keyId,
        scopes: new Set(SCOPES.filter((scope) => row.scopes.includes(scope))),
        secrets,
        expiresAt: row.expire_time?.getTime(),
        revokedAt: row.revoke_time?.getTime(),
      };
    },

    async touch(uses) {
      for (const [tenantId, ofTenant] of Map.groupBy(uses, (use) => use.tenantId)) {
        const times = ofTenant.map(({ usedAt }) => new Date(usedAt));
        await database.query(touchKeys, [tenantId, ofTenant.map(({ keyId }) => keyId), times]);
      }
    },
  };
}

export function createTenantStore(database: Queryable): TenantStore {
  return {
    async resolve(name) {
      const byId = async (id: string) => (await database.query(tenantById, [id]))[0];
      if (isOurId(name)) return await byId(name);
      const [found] = await database.query(tenantBySlug, [name]);
      return found?.slug === null ? await byId(found.id) : found;
    },
  };
}

export function createMemberStore(database: Queryable): MemberStore {
  return {
    async find(tenantId, memberId) {
      return toRecord((await database.query(findMember, [tenantId, memberId]))[0]);
    },
    async ensure(tenantId, memberId, role) {
      // If another call created it between the two parts of the statement, neither sees it: read it again.
      const found =
        toRecord((await database.query(ensureMember, [tenantId, memberId, roleNumber(role)]))[0]) ??
        toRecord((await database.query(findMember, [tenantId, memberId]))[0]);
      if (found === undefined) throw new Error("a member is gone although nothing removes members");
      return found;
    },
  };
}

function toRecord(row: AccessMemberRow | undefined): MemberRecord | undefined {
  return row && { memberId: row.id, role: roleOfNumber(row.role), deleted: row.deleted };
}
