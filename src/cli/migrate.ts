// `migrate`: applies pending migrations.
import type { Command } from "./command.ts";
import { withDatabase } from "./with-database.ts";

export const migrateCommand: Command = {
  name: "migrate",
  summary: "create or update the tables of the database",
  async run(invocation) {
    await withDatabase(
      invocation,
      "command",
      async ({ database, embedded }) => {
        const { migrate } = await import("../store/migrate.ts");
        // The embedded database was migrated when it was opened.
        const applied = embedded === undefined ? await migrate(database) : [];
        for (const name of applied) invocation.print(`applied ${name}`);
        if (applied.length === 0) invocation.print("nothing to do");
      },
      { mayBePending: true },
    );
  },
};
