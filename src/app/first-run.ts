// Sets up a new database: the tenant `default`, and a first API key that is shown once.
import { systemCaller } from "../domain/identity/caller.ts";
import { SCOPES } from "../domain/identity/principal.ts";
import { issueApiKey } from "../services/api-keys/issue.ts";
import { makeTenant } from "../services/tenants/create-tenant.ts";
import type { Database } from "../store/database.ts";

export const DEFAULT_TENANT = "default";

/** There is no caller. */
const ORIGIN = { requestId: "", address: "" };

/**
 * Creates the tenant `default` and a key with every scope, once for a database, even if several servers start at the
 * same time. Returns the key to the one server that created it.
 */
export function bootstrap(database: Database): Promise<string | undefined> {
  return database.transaction(undefined, async (tx) => {
    const wish = { slug: DEFAULT_TENANT, name: "Default" };
    const { made, caller } = await makeTenant(tx, wish, (tenantId) => systemCaller(tenantId, "bootstrap"), ORIGIN);
    if (!made) return undefined;
    const key = { name: "first key", scopes: SCOPES, expireTime: null };
    return (await issueApiKey(tx, caller, ORIGIN, key)).text;
  });
}
