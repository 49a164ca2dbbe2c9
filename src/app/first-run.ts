// What a new database gets: the tenant `default`, and a first API key that is shown once.
import type { Caller } from "../domain/caller.ts";
import { SCOPES } from "../domain/principal.ts";
import { issueApiKey } from "../services/api-keys/issue.ts";
import { makeTenant } from "../services/tenants/create-tenant.ts";
import type { Database } from "../store/database.ts";

export const DEFAULT_TENANT = "default";

/** Nobody called. */
const ORIGIN = { requestId: "", address: "" };

/**
 * Makes the tenant `default` and a key with every scope, once in the life of a database, however many servers start at
 * the same time. Answers the key's text to whoever made it.
 */
export function bootstrap(database: Database): Promise<string | undefined> {
  return database.transaction(undefined, async (tx) => {
    const wish = { slug: DEFAULT_TENANT, name: "Default" };
    const { made, caller } = await makeTenant(tx, wish, bootstrapIn, ORIGIN);
    if (!made) return undefined;
    const key = { name: "first key", scopes: SCOPES, expireTime: null };
    return (await issueApiKey(tx, caller, ORIGIN, key)).text;
  });
}

function bootstrapIn(tenantId: string): Caller {
  return { tenantId, memberId: null, viewer: { kind: "tenant" }, actor: "bootstrap", name: "bootstrap" };
}
