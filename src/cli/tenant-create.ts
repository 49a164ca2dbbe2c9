// `tenant create`: creates a tenant.
import { makeTenant } from "../services/tenants/create-tenant.ts";
import { CommandError, type Invocation, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

const SLUG = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

export async function run(invocation: Invocation): Promise<void> {
  const { slug = "", name = "" } = invocation.options as Record<string, string>;
  if (!SLUG.test(slug)) {
    throw new UsageError("--slug: must be 1 to 63 lower-case letters, digits and hyphens, beginning with a letter");
  }
  const { made, caller } = await withDatabase(invocation, "command", ({ database }) =>
    database.transaction(invocation.signal, (tx) => makeTenant(tx, { slug, name }, commandCaller, COMMAND_ORIGIN)),
  );
  if (!made) throw new CommandError(`--slug: the tenant "${slug}" exists already`);
  invocation.print(caller.tenantId);
}
