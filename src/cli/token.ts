// `token`: issues a token of the local issuer, for tests and scripts.

import { LocalIssuer, MAX_TTL_S } from "../access/tokens/local-issuer.ts";
import { isMemberId, MEMBER_ID_RULE } from "../domain/identity/principal.ts";
import { operatorKeys } from "../domain/secrets/operator-keys.ts";
import { createKeyRing } from "../store/keys/server-keys.ts";
import { type Invocation, UsageError } from "./command.ts";
import { roleNamed, secondsOf, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

/** Said on standard error, so that a script still reads the token alone. */
const WITHOUT_TENANT =
  "warning: a token without a tenant can call almost nothing: give --tenant, such as --tenant default";

export async function run(invocation: Invocation): Promise<void> {
  const { tenant, sub, role, ttl } = invocation.options as Record<string, string | undefined>;
  if (sub === undefined || !isMemberId(sub)) {
    throw new UsageError(`--sub: must be a member id, ${MEMBER_ID_RULE}`);
  }
  const seconds = secondsOf("ttl", ttl ?? "1h");
  if (seconds < 1 || seconds > MAX_TTL_S) throw new UsageError("--ttl: must be 1s to 24h");
  const claimed = roleNamed(role);
  if (tenant === undefined && claimed !== "super_admin") process.stderr.write(`colloquy: ${WITHOUT_TENANT}\n`);
  const { agents, dataDir } = invocation.config;
  const token = await withDatabase(invocation, "command", async ({ database }) => {
    const tenantId = tenant === undefined ? undefined : await tenantNamed(database, tenant);
    const issuer = new LocalIssuer(createKeyRing(database, "signing", operatorKeys(agents)));
    await issuer.keys.start(dataDir);
    return issuer.issue({ tenantId, sub, role: claimed, ttl: seconds });
  });
  invocation.print(token);
}
