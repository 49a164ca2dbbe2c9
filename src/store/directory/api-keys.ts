// Reads and changes API keys.
import type { Scope } from "../../domain/identity/principal.ts";
import type { Database, Queryable, Statement, Transaction } from "../database.ts";
import { translate } from "../driver/errors.ts";
import type { ApiKey } from "../orm/entities/api-key.ts";

export type { ApiKey } from "../orm/entities/api-key.ts";

/**
 * $1 tenant, $2 id, $3 name, $4 scopes, $5 hash of the secret, $6 creator, $7 creation, $8 expiry. Not by MikroORM:
 * every database gets its first key at the start of a server, for which loading all of it would take a third of the
 * time.
 */
const insertKey: Statement<never> = {
  name: "api_key_insert",
  text: `
  insert into api_key (tenant_id, id, name, scopes, secret_hash, creator, create_time, expire_time)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`,
};

const load = () => import("../orm/entities/api-key.ts");

export interface NewApiKey {
  readonly tenantId: string;
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly secretHash: Uint8Array;
  readonly creator: string;
  readonly expireTime: Date | null;
}

/** Adds a key. */
export async function addApiKey(tx: Queryable, key: NewApiKey, createTime: Date): Promise<ApiKey> {
  const { tenantId, id, name, creator, expireTime } = key;
  const scopes = [...key.scopes];
  const secretHash = Buffer.from(key.secretHash);
  await tx.query(insertKey, [tenantId, id, name, scopes, secretHash, creator, createTime, expireTime]);
  const unused = { previousSecretHash: null, previousExpireTime: null, revokeTime: null, lastUseTime: null };
  return { tenantId, id, name, scopes, secretHash, creator, createTime, expireTime, ...unused };
}

/** Locks a key until the transaction ends. What is set on it is written when the transaction flushes. */
export async function lockApiKey(tx: Transaction, tenantId: string, id: string): Promise<ApiKey | undefined> {
  const [em, { ApiKeyEntity, LockMode }] = await Promise.all([tx.orm(), load()]);
  const options = { lockMode: LockMode.PESSIMISTIC_WRITE };
  return (await em.findOne(ApiKeyEntity, { tenantId, id }, options)) ?? undefined;
}

export interface ApiKeyList {
  readonly showRevoked: boolean;
  /** The id before which the page begins. */
  readonly before: string | undefined;
  readonly limit: number;
}

/** A page of keys, newest first. */
export async function listApiKeys(
  database: Database,
  tenantId: string,
  { showRevoked, before, limit }: ApiKeyList,
): Promise<ApiKey[]> {
  const where = { tenantId, ...(!showRevoked && { revokeTime: null }), ...(before && { id: { $lt: before } }) };
  try {
    const [em, { ApiKeyEntity }] = await Promise.all([database.fork(), load()]);
    return await em.find(ApiKeyEntity, where, { orderBy: { id: "desc" }, limit });
  } catch (error) {
    throw translate(error);
  }
}
