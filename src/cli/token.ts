// `token`: a token of the local issuer, for trying things out and for scripts.
import { LocalIssuer, MAX_TTL_S } from "../access/tokens/local-issuer.ts";
import { isMemberId, MEMBER_ID_RULE, ROLES, type Role } from "../domain/principal.ts";
import { type Command, UsageError } from "./command.ts";
import { secondsOf, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

export const tokenCommand: Command = {
  name: "token",
  summary: "print a token that speaks for a member",
  options: {
    tenant: { type: "string", help: "the tenant, by id or slug (none: for a super administrator)" },
    sub: { type: "string", help: "the member's id; it need not exist yet" },
    role: { type: "string", help: `${ROLES.join(", ")} (what the directory says, else member)` },
    ttl: { type: "string", default: "1h", help: "how long it lives, such as 15m or 1h; at most a day (1h)" },
  },
  async run(invocation) {
    const { tenant, sub, role, ttl } = invocation.options as Record<string, string | undefined>;
    if (sub === undefined || !isMemberId(sub)) {
      throw new UsageError(`--sub: want a member's id, ${MEMBER_ID_RULE}`);
    }
    const seconds = secondsOf("ttl", ttl ?? "1h");
    if (seconds < 1 || seconds > MAX_TTL_S) throw new UsageError("--ttl: want 1s to 24h");
    const claimed = roleNamed(role);
    const tenantId =
      tenant === undefined
        ? undefined
        : await withDatabase(invocation, "command", ({ database }) => tenantNamed(database, tenant));
    const issuer = new LocalIssuer(invocation.config.dataDir);
    invocation.print(await issuer.issue({ tenantId, sub, role: claimed, ttl: seconds }));
  },
};

/** Throws UsageError for a word that is no role. */
export function roleNamed(word: string | undefined): Role | undefined {
  if (word === undefined) return undefined;
  const role = ROLES.find((one) => one === word);
  if (role === undefined) throw new UsageError(`--role: want one of ${ROLES.join(", ")}`);
  return role;
}
