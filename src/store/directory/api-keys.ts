// Reads and changes API keys.
import type { Scope } from "../../domain/identity/principal.ts";
import type { Database, Transaction } from "../database.ts";
import { translate } from "../driver/errors.ts";
import type { ApiKey } from "../orm/entities/api-key.ts";

export type { ApiKey } from "../orm/entities/api-key.ts";

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

/** Adds a key. It is written when the transaction flushes. */
export async function addApiKey(tx: Transaction, key: NewApiKey, now: Date): Promise<ApiKey> {
  const { scopes, secretHash, ...rest } = key;
  const [em, { ApiKeyEntity }] = await Promise.all([tx.orm(), load()]);
  const entity = em.create(ApiKeyEntity, {
    ...rest,
    scopes: [...scopes],
    secretHash: Buffer.from(secretHash),
    createTime: now,
  });
  em.persist(entity);
  return entity;
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
