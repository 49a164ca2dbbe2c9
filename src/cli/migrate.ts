// `migrate`: applies pending migrations.

import type { LockHolder } from "../store/migrate.ts";
import { CommandError, type Invocation } from "./command.ts";
import { withDatabase } from "./with-database.ts";

export async function run(invocation: Invocation): Promise<void> {
  if (invocation.options.plan === true) return await printPlan(invocation);
  await withDatabase(
    invocation,
    "command",
    async ({ database }) => {
      const { migrate, sessionInWords } = await import("../store/migrate.ts");
      const onWait = (holder: LockHolder | undefined) =>
        process.stderr.write(`colloquy: waiting for ${holder ? sessionInWords(holder) : "a locked table"}\n`);
      const applied = await migrate(database, { onWait });
      for (const name of applied) invocation.print(`applied ${name}`);
      if (applied.length === 0) invocation.print("nothing to do");
    },
    { mayBePending: true },
  );
}

async function printPlan(invocation: Invocation): Promise<void> {
  const { config, print } = invocation;
  // To open the embedded one would migrate it.
  if (config.databaseUrl === undefined) {
    throw new CommandError("DATABASE_URL: is not set, and the embedded database is migrated by each start");
  }
  await withDatabase(
    invocation,
    "command",
    async ({ database }) => {
      const { migrationScript } = await import("../store/migrate.ts");
      const script = await migrationScript(database, config.databaseSchema);
      print(script === "" ? "-- nothing to do" : script.trimEnd());
    },
    { mayBePending: true },
  );
}
