// Opens the configured database, external or embedded, while a function runs.
// Modules are imported only then, so that an invalid command line is reported at once.

import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { SettingError } from "../domain/settings/setting-error.ts";
import type { Embedded, EmbeddedOptions } from "../embedded-postgres/embedded.ts";
import type { Database } from "../store/database.ts";
import type { Pooling } from "../store/inspect/pooling.ts";
import { CommandError, type Invocation } from "./command.ts";

export interface OpenedDatabase {
  readonly database: Database;
  /** Contains a password: not for logs. */
  readonly url: string;
  /** Where LISTEN works. Undefined: nowhere, because a pooler is in front. Contains a password: not for logs. */
  readonly listenUrl: string | undefined;
  /** Undefined for an external database. */
  readonly embedded: Embedded | undefined;
}

/**
 * Migrates the embedded database, unless a server runs beside the command: that one is of the release that the
 * database has, and could not start again. An external database may be shared by servers of different releases, so its
 * operator decides when to migrate: a server refuses to start while migrations are pending.
 *
 * @param options.mayBePending whether the command goes on with pending migrations, and does not want them applied
 * @param options.replicas whether it answers calls, which replicas may be asked for
 */
export async function withDatabase<T>(
  { config, logger, stop }: Pick<Invocation, "config" | "logger" | "stop">,
  role: NonNullable<EmbeddedOptions["role"]>,
  work: (opened: OpenedDatabase) => Promise<T>,
  { mayBePending = false, replicas = false }: { mayBePending?: boolean; replicas?: boolean } = {},
): Promise<T> {
  stop.waitsFor("PostgreSQL to come up");
  const embedded =
    config.databaseUrl === undefined
      ? await start({ dataDir: config.dataDir, logger, role, over: stop.over })
      : undefined;
  try {
    const { openDatabase } = await import("../store/open-database.ts");
    const { migrate } = await import("../store/migrate.ts");
    const { databaseUrl = "", databaseDirectUrl: direct } = config;
    // A migration locks tables and takes long: not by way of a pooler, if there is another.
    const url = embedded?.url ?? (mayBePending ? (direct ?? databaseUrl) : databaseUrl);
    const pooling = url === direct ? "session" : config.pooling;
    if (embedded === undefined) await refuseUnsuitable(config, url, pooling, mayBePending);
    const pooled = pooling === "transaction" ? await poolerOf(url, logger) : undefined;
    const listenUrl = embedded?.url ?? direct ?? (pooling === "transaction" ? undefined : databaseUrl);
    const database = await openDatabase({
      url,
      searchPath: config.databaseSchema,
      pooled,
      ...(config.poolSize !== undefined && { poolSize: config.poolSize }),
      onConnectionLost: (message) => logger.debug(message),
      ...(replicas &&
        config.replicaUrls.length > 0 && {
          replicas: { urls: config.replicaUrls, onChange: (level, message) => logger[level](message) },
        }),
    });
    try {
      stop.waitsFor("the command");
      const beside = role === "command" ? await embedded?.server() : undefined;
      const migrates = embedded !== undefined && beside === undefined && !mayBePending;
      await refuseOther(database, mayBePending || migrates, beside);
      if (migrates) await migrate(database);
      return await work({ database, url, listenUrl, embedded });
    } finally {
      stop.waitsFor("connections to the database");
      await database.close();
    }
  } finally {
    stop.waitsFor("PostgreSQL to stop");
    await embedded?.stop();
  }
}

async function start(options: EmbeddedOptions): Promise<Embedded> {
  const { AlreadyRunning, startEmbedded } = await import("../embedded-postgres/embedded.ts");
  try {
    return await startEmbedded(options);
  } catch (error) {
    if (!(error instanceof AlreadyRunning)) throw error;
    const { dataDir } = options;
    throw new CommandError(`${error.server} already runs on the data directory ${dataDir}: use it, or stop it first`);
  }
}

async function refuseUnsuitable(
  { databaseSchema: schema, databaseUrl = "", databaseDirectUrl: direct }: Config,
  url: string,
  pooling: Pooling,
  migrating: boolean,
): Promise<void> {
  const { inspectDatabase } = await import("../store/inspect/inspect.ts");
  if (url !== direct) {
    const problem = await inspectDatabase({ url, schema, migrating, pooling });
    if (problem !== undefined) throw new CommandError(`DATABASE_URL: ${problem}`);
  }
  if (direct === undefined) return;
  const { inspectDirect } = await import("../store/inspect/inspect-direct.ts");
  const problem = await inspectDirect(databaseUrl, { url: direct, schema, migrating }).catch((error: Error) => {
    throw new SettingError(`COLLOQUY_DATABASE_DIRECT_URL: ${error.message}`, { cause: error.cause });
  });
  if (problem !== undefined) throw new CommandError(`COLLOQUY_DATABASE_DIRECT_URL: ${problem}`);
}

async function poolerOf(url: string, logger: Logger): Promise<{ readonly prepares: boolean }> {
  const { mayPrepare } = await import("../store/inspect/inspect.ts");
  const prepares = await mayPrepare(url);
  if (!prepares) {
    const { UNPREPARED } = await import("../store/inspect/pooling.ts");
    logger.warn(`DATABASE_URL leads to a pooler ${UNPREPARED}`);
  }
  return { prepares };
}

/**
 * @param mayBePending whether pending migrations are allowed, because they are about to be applied
 * @param beside the server that uses the embedded database, in words
 */
async function refuseOther(database: Database, mayBePending: boolean, beside: string | undefined): Promise<void> {
  const { migrationState } = await import("../store/migrate.ts");
  const { pending, unknown, undistributed } = await migrationState(database);
  if (unknown.length > 0) {
    throw new CommandError(
      `the database was migrated by a newer release, which added ${unknown.join(", ")}: run that release or a later one`,
    );
  }
  if (mayBePending) return;
  if (pending.length > 0 && beside !== undefined) {
    throw new CommandError(
      `${beside} is of an older release, and this one would have to change its tables first (${pending.join(", ")}): ` +
        "use the command of that release, or stop the server and start this release",
    );
  }
  if (pending.length > 0) {
    throw new CommandError(
      `the database lacks the migrations ${pending.join(", ")}: apply them with \`npm run colloquy -- migrate\``,
    );
  }
  if (undistributed.length > 0) {
    throw new CommandError(
      `the Citus cluster lacks the ${undistributed.join(", ")}: stop all servers and run \`npm run colloquy -- migrate\``,
    );
  }
}
