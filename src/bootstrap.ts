// What a new database gets: the tenant `default`, and a first API key that is shown once.
import { randomBytes } from "node:crypto";
import { makeApiKey } from "./access/api-key.ts";
import { newId } from "./domain/id.ts";
import { SCOPES } from "./domain/principal.ts";
import { addApiKey } from "./store/api-keys.ts";
import type { Database } from "./store/database.ts";
import { addTenant } from "./store/tenants.ts";

export const DEFAULT_TENANT = "default";

/**
 * Makes the tenant `default` and a key with every scope, once in the life of a database, however many servers start at
 * the same time. Answers the key's text to whoever made it.
 */
export function bootstrap(database: Database): Promise<string | undefined> {
  return database.transaction(undefined, async (tx) => {
    const tenantId = newId();
    const made = await addTenant(tx, { id: tenantId, slug: DEFAULT_TENANT, name: "Default", secret: randomBytes(32) });
    if (!made) return undefined;
    const id = newId();
    const { text, secretHash } = makeApiKey(tenantId, id);
    const key = { tenantId, id, name: "first key", scopes: [...SCOPES], secretHash, creator: "bootstrap" };
    addApiKey(tx, { ...key, expireTime: null }, new Date());
    return text;
  });
}
