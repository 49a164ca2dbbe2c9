// The parts of a schema that do not need MikroORM.
import { MIGRATION_NAMES } from "./migrations/names.ts";
import type { Tables } from "./orm/tables.ts";

export interface Schema {
  /** The names of the migrations, in order. */
  readonly migrationNames: readonly string[];
  /** Its entities and migrations. */
  load(): Promise<Tables>;
}

export const SCHEMA: Schema = {
  migrationNames: MIGRATION_NAMES,
  load: async () => (await import("./orm/tables.ts")).TABLES,
};
