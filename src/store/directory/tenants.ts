// Reads and changes tenants, the only table without a tenant_id.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Database, Queryable, Statement, Transaction } from "../database.ts";
import { translate } from "../driver/errors.ts";
import type { Tenant } from "../orm/entities/tenant.ts";

export type { Tenant } from "../orm/entities/tenant.ts";

/** $1 id, $2 slug, $3 name, $4 secret. No row: the slug is taken. */
const insertTenant: Statement<{ id: string }> = {
  name: "tenant_insert",
  text: `
  insert into tenant (id, slug, name, secret) values ($1, $2, $3, $4) on conflict (slug) do nothing
  returning id`,
  sharded: `
  with claimed as (
    insert into tenant_slug (slug, tenant_id) values ($2, $1) on conflict (slug) do nothing returning tenant_id
  ), made as (
    insert into tenant (id, slug, name, secret) select c.tenant_id, $2, $3, $4 from claimed c returning id
  )
  select made.id from made`,
};

/** The first tenant, which is the same for all servers on the database. */
const firstTenant: Statement<{ id: string }> = {
  name: "tenant_first",
  text: "select t.id from tenant t order by t.id limit 1",
};

const bySlug: Statement<{ id: string }> = {
  name: "tenant_of_slug",
  text: "select t.id from tenant t where t.slug = $1",
  sharded: "select s.tenant_id as id from tenant_slug s where s.slug = $1",
};

const allTenants: Statement<{ id: string }> = { name: "tenant_ids", text: "select t.id from tenant t" };

const load = () => import("../orm/entities/tenant.ts");

export interface NewTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** Seals page tokens; 32 random bytes. */
  readonly secret: Uint8Array;
}

/** Creates a tenant. False: the slug is taken. */
export async function addTenant(tx: Queryable, { id, slug, name, secret }: NewTenant): Promise<boolean> {
  return (await tx.query(insertTenant, [id, slug, name, Buffer.from(secret)])).length > 0;
}

/** The ids of all tenants, in no order. */
export async function tenantIds(database: Database, signal?: Interrupt): Promise<string[]> {
  return (await database.query(allTenants, [], signal)).map(({ id }) => id);
}

/** The tenant with a slug that is known to exist. */
export async function tenantOfSlug(on: Queryable, slug: string): Promise<string> {
  const [row] = await on.query(bySlug, [slug]);
  if (row === undefined) throw new Error("a tenant is gone although nothing removes tenants");
  return row.id;
}

/** Finds a tenant. */
export async function readTenant(database: Database, id: string): Promise<Tenant | undefined> {
  try {
    const [em, { TenantEntity }] = await Promise.all([database.fork(), load()]);
    return (await em.findOne(TenantEntity, { id })) ?? undefined;
  } catch (error) {
    throw translate(error);
  }
}

/** The tenant whose secret encrypts page tokens across tenants. Undefined: there is no tenant yet. */
export async function readFirstTenant(on: Queryable): Promise<string | undefined> {
  return (await on.query(firstTenant, []))[0]?.id;
}

/** Locks a tenant until the transaction ends. What is set on it is written when the transaction flushes. */
export async function lockTenant(tx: Transaction, id: string): Promise<Tenant | undefined> {
  const [em, { LockMode, TenantEntity }] = await Promise.all([tx.orm(), load()]);
  return (await em.findOne(TenantEntity, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })) ?? undefined;
}

/** A page of all tenants, by slug. */
export async function listTenants(database: Database, after: string | undefined, limit: number): Promise<Tenant[]> {
  const where = after === undefined ? {} : { slug: { $gt: after } };
  try {
    const [em, { TenantEntity }] = await Promise.all([database.fork(), load()]);
    return await em.find(TenantEntity, where, { orderBy: { slug: "asc" }, limit });
  } catch (error) {
    throw translate(error);
  }
}
