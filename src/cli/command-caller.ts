// The command line as a caller, without a credential: its user has access to the data directory or the database.
import { DEFAULT_TENANT } from "../app/first-run.ts";
import { type Caller, systemCaller } from "../domain/identity/caller.ts";
import { ROLES, type Role } from "../domain/identity/principal.ts";
import type { AuditOrigin } from "../store/audit/audit.ts";
import type { Queryable } from "../store/database.ts";
import { createTenantStore } from "../store/directory/access.ts";
import { CommandError, UsageError } from "./command.ts";

/** Audit entries of commands have neither a request id nor an address. */
export const COMMAND_ORIGIN: AuditOrigin = { requestId: "", address: "" };

/** The caller in a tenant. */
export function commandCaller(tenantId: string): Caller {
  return systemCaller(tenantId, "command");
}

/** The id of the tenant that an option names by its id or slug. Throws CommandError if there is none. */
export async function tenantNamed(on: Queryable, name: string): Promise<string> {
  const found = await createTenantStore(on).resolve(name);
  if (found !== undefined) return found.id;
  const advice = name === DEFAULT_TENANT ? " yet: the first start of a server creates it" : "";
  throw new CommandError(`there is no tenant "${name}"${advice}`);
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of a duration such as `90s`, `15m`, `1h` or `30d`. Throws UsageError for anything else. */
export function secondsOf(option: string, text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    throw new UsageError(`--${option}: must be a number with a unit s, m, h or d, such as 15m`);
  }
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** Throws UsageError for an unknown role. */
export function roleNamed(word: string | undefined): Role | undefined {
  if (word === undefined) return undefined;
  const role = ROLES.find((one) => one === word);
  if (role === undefined) throw new UsageError(`--role: must be one of ${ROLES.join(", ")}`);
  return role;
}
