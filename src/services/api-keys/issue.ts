// Creates an API key, for AccessService and the command line.
import { makeApiKey } from "../../access/keys/api-key.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Scope } from "../../domain/identity/principal.ts";
import { newId } from "../../domain/ids/id.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { Transaction } from "../../store/database.ts";
import { type ApiKey, addApiKey } from "../../store/directory/api-keys.ts";

export interface ApiKeyWish {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: it never expires. */
  readonly expireTime: Date | null;
}

/** Adds a key to the caller's tenant, with its audit row. Its text is only in the response. */
export async function issueApiKey(
  tx: Transaction,
  caller: Caller,
  origin: AuditOrigin,
  wish: ApiKeyWish,
): Promise<{ readonly key: ApiKey; readonly text: string }> {
  const { tenantId, name: creator } = caller;
  const { keyId: id, text, secretHash } = makeApiKey(tenantId, newId());
  const key = await addApiKey(tx, { ...wish, tenantId, id, secretHash, creator }, new Date());
  const details = { scopes: wish.scopes };
  await audit(tx, caller, origin, { action: "api_key.create", resourceType: "api_key", resourceId: id, details });
  return { key, text };
}
