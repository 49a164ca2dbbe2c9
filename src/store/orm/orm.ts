// MikroORM on the pool of the native statements, imported at first use.
import { createPostgreSqlTypeParsers, MikroORM } from "@mikro-orm/postgresql";
import { PostgresDialect } from "kysely";
import pg, { type Pool } from "pg";
import { hostsOf } from "../../domain/settings/database-hosts.ts";
import { MIGRATION_TABLE } from "../migrations/names.ts";
import type { Tables } from "./tables.ts";
import { ormTypes } from "./types.ts";

/** Opens MikroORM. `log` receives its messages, without content. */
export async function openOrm(
  pool: Pool,
  { entities, migrations }: Tables,
  log: (message: string) => void,
): Promise<MikroORM> {
  const textArray = pg.types.getTypeParser(TEXT_ARRAY as never);
  ormTypes.use(createPostgreSqlTypeParsers((text) => textArray(text)));
  return await MikroORM.init({
    entities,
    migrations: { migrationsList: [...migrations], tableName: MIGRATION_TABLE, snapshot: false },
    // The pool has the address; MikroORM needs the database name for its check before migrating.
    dbName: databaseName(pool.options.connectionString ?? ""),
    ensureDatabase: false,
    discovery: { warnWhenNoEntities: false },
    logger: log,
    colors: false,
    driverOptions: new PostgresDialect({ pool }),
  });
}

/** The type `text[]` in PostgreSQL's catalog. */
const TEXT_ARRAY = 1009;

function databaseName(url: string): string {
  // A Unix socket's URL has no host, which the URL class refuses next to a user.
  const { pathname } = new URL((hostsOf(url).urls[0] ?? "").replace("@/", "@localhost/"));
  return decodeURIComponent(pathname.slice(1)) || "postgres";
}
