// Checks whether this server's key decrypts the credentials in the database.
import type { Config } from "../../config/config.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import type { Database } from "../../store/database.ts";
import { type Finding, fail, ok } from "./finding.ts";

const SUBJECT = "agent key";
const ADVICE = "set COLLOQUY_AGENT_KEY to the key under which they were stored, or store them anew";

export async function checkKey({ dataDir, agents }: Config, database: Database): Promise<Finding[]> {
  const { createSealer } = await import("../../agents/secrets/sealing.ts");
  const { findSealingKeys } = await import("../../agents/secrets/sealing-key.ts");
  const { operatorKeys } = await import("../../domain/secrets/operator-keys.ts");
  const { createKeyRing } = await import("../../store/keys/server-keys.ts");
  const { readSealed } = await import("../../store/keys/sealed.ts");
  const rows = await readSealed(database);
  const operator = operatorKeys(agents);
  const ring = createKeyRing(database, "sealing", operator);
  let keys: readonly Uint8Array[];
  try {
    keys = await findSealingKeys({ ring, dataDir, operator });
  } catch (error) {
    if (error instanceof SettingError) return [fail(SUBJECT, error.message)];
    throw error;
  }
  if (rows.length === 0) return [];
  if (keys.length === 0) {
    return [fail(SUBJECT, `there is none, and the database has ${namesOf(rows)}: ${ADVICE}`)];
  }
  const sealer = createSealer(keys);
  const closed = rows.filter(({ tenant_id: tenantId, id, kind, sealed }) => {
    try {
      sealer.open(sealed, { tenantId, id, kind });
      return false;
    } catch {
      return true;
    }
  });
  if (closed.length > 0) return [fail(SUBJECT, `cannot decrypt ${namesOf(closed)}: ${ADVICE}`)];
  return [ok(SUBJECT, `decrypts ${namesOf(rows)}`)];
}

/** `2 credentials of agents and 1 secret of webhooks` */
function namesOf(rows: readonly { readonly kind: string }[]): string {
  const agents = rows.filter(({ kind }) => kind === "agent").length;
  const webhooks = rows.length - agents;
  const words: string[] = [];
  if (agents > 0) words.push(`${agents} ${agents === 1 ? "credential" : "credentials"} of agents`);
  if (webhooks > 0) words.push(`${webhooks} ${webhooks === 1 ? "secret" : "secrets"} of webhooks`);
  return words.join(" and ");
}
